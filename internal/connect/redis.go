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

// dialRedis connects to a single node, or through Sentinel, and waits for one answer.
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
			return nil, errCluster // it greets nobody who asks for a database other than 0
		}
		return nil, fmt.Errorf("%v %w: %w; %s", c, ErrUnreachable, err, redisHint(err, c))
	}
	facts, err := AskRedis(ctx, rdb)
	if err == nil {
		// Before anything else is tried: what a cluster answers (CROSSSLOT, MOVED) would be blamed on other parts.
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

// dialTimeout bounds one try to connect. A host that drops packets answers nothing at all, so it is what a call waits for; the client tries each call four times.
const dialTimeout = 3 * time.Second

// RedisClient makes a client whose calls end with their context, or a readiness probe would hang as long as Redis does: without the setting a context is only looked at between two tries.
// Passwords are read again for each connection, and connections to a node that may not be written to are given up: see [redials].
func RedisClient(c config.RedisConn) *redis.Client {
	given := &redials{}
	if c.Master != "" {
		o := &redis.FailoverOptions{
			ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
			MasterName: c.Master, SentinelAddrs: c.Sentinels, CredentialsProviderContext: c.Login, DB: c.DB, TLSConfig: c.TLS,
		}
		if c.SentinelPassword != "" {
			o.OnConnect = sentinelLogin(c.SentinelLogin)
		}
		o.Dialer = given.dialer(redis.NewDialer(&redis.Options{DialTimeout: dialTimeout, TLSConfig: c.TLS}))
		rdb := redis.NewFailoverClient(o)
		rdb.Options().Limiter = given // these options have no place for it
		rdb.AddHook(given)
		return rdb
	}
	o := &redis.Options{ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
		Network: c.Network, Addr: c.Addr, CredentialsProviderContext: c.Login, DB: c.DB, TLSConfig: c.TLS}
	o.Limiter = given
	dial := redis.NewDialer(o)
	o.Dialer = given.dialer(func(ctx context.Context, _, addr string) (net.Conn, error) { return dial(ctx, c.Network, addr) })
	rdb := redis.NewClient(o)
	rdb.AddHook(given)
	return rdb
}

// sentinelLogin logs in at Sentinels. The client has a place for a fixed password of theirs only, and
// calls this for every new connection, to Redis too: there the login is done already.
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
