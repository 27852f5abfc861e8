package connect

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
)

// dialRedis connects to a single node or through Sentinel. It returns an error when Redis does not
// answer within ten seconds, or cannot hold a ledger.
func dialRedis(ctx context.Context, cfg config.Redis) (*redis.Client, error) {
	c, err := cfg.Conn()
	if err != nil {
		return nil, err
	}
	rdb := RedisClient(c)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		if strings.Contains(err.Error(), "SELECT is not allowed in cluster mode") {
			return nil, errCluster // a cluster refuses every client that selects a database other than 0
		}
		return nil, fmt.Errorf("%v %w: %w; %s", c, ErrUnreachable, err, redisHint(err, c))
	}
	facts, err := ReadRedisFacts(ctx, rdb)
	if err == nil {
		// This check comes before everything else, because the answers of a cluster (CROSSSLOT,
		// MOVED) would look like faults of other parts.
		err = facts.unsuitable()
	} else {
		err = fmt.Errorf("%v %w: %w", c, ErrUnreachable, err)
	}
	if err != nil {
		_ = rdb.Close()
		return nil, err
	}
	return rdb, nil
}

// dialTimeout is the maximum time of one try to connect. A host that drops packets answers nothing,
// so each try of a call waits this long. The client tries each call four times.
const dialTimeout = 3 * time.Second

// RedisClient makes a client whose calls end with their context. Without ContextTimeoutEnabled the
// client checks a context only between two tries, and a readiness probe would hang as long as Redis
// does. The client reads passwords again for each connection. It gives up connections to a node
// that cannot be written to, see [redials].
func RedisClient(c config.RedisConn) *redis.Client {
	r := &redials{}
	if c.Master != "" {
		o := &redis.FailoverOptions{
			ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
			MasterName: c.Master, SentinelAddrs: c.Sentinels,
			CredentialsProviderContext: c.Login, DB: c.DB, TLSConfig: c.TLS,
		}
		if c.SentinelPassword != "" {
			o.OnConnect = sentinelLogin(c.SentinelLogin)
		}
		o.Dialer = r.dialer(redis.NewDialer(&redis.Options{DialTimeout: dialTimeout, TLSConfig: c.TLS}))
		rdb := redis.NewFailoverClient(o)
		rdb.Options().Limiter = r // FailoverOptions has no field for it
		rdb.AddHook(r)
		return rdb
	}
	o := &redis.Options{ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
		Network: c.Network, Addr: c.Addr, CredentialsProviderContext: c.Login, DB: c.DB, TLSConfig: c.TLS}
	o.Limiter = r
	dial := redis.NewDialer(o)
	o.Dialer = r.dialer(func(ctx context.Context, _, addr string) (net.Conn, error) {
		return dial(ctx, c.Network, addr)
	})
	rdb := redis.NewClient(o)
	rdb.AddHook(r)
	return rdb
}

// sentinelLogin returns a function that logs in at a Sentinel. The client's own setting takes only
// a fixed password. The client calls the function for every new connection, also to Redis itself.
// There the client has logged in already, so the function sends only a PING.
func sentinelLogin(login func(context.Context) (string, string, error)) func(context.Context, *redis.Conn) error {
	return func(ctx context.Context, cn *redis.Conn) error {
		if err := cn.Ping(ctx).Err(); !redis.IsAuthError(err) {
			return err
		}
		username, password, err := login(ctx)
		if err != nil {
			return err
		}
		if username == "" {
			return cn.Auth(ctx, password).Err()
		}
		return cn.AuthACL(ctx, username, password).Err()
	}
}
