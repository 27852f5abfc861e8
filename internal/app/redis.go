package app

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
	rdb := redisClient(c)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		if strings.Contains(err.Error(), "SELECT is not allowed in cluster mode") {
			return nil, errCluster // it greets nobody who asks for a database other than 0
		}
		return nil, fmt.Errorf("%v %w: %w; check redis.url, and that the server runs", c, ErrUnreachable, err)
	}
	facts, err := askRedis(ctx, rdb)
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

// redisClient makes a client whose calls end with their context, or a readiness probe would hang as long as Redis does: without the setting a context is only looked at between two tries.
func redisClient(c config.RedisConn) *redis.Client {
	if c.Master != "" {
		return redis.NewFailoverClient(&redis.FailoverOptions{
			ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
			MasterName: c.Master, SentinelAddrs: c.Sentinels, SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
			Username: c.Username, Password: c.Password, DB: c.DB, TLSConfig: c.TLS,
		})
	}
	o := &redis.Options{ContextTimeoutEnabled: true, DialTimeout: dialTimeout, DialerRetries: 1,
		Network: c.Network, Addr: c.Addr, Username: c.Username, Password: c.Password, DB: c.DB, TLSConfig: c.TLS}
	if o.Network == "unix" {
		o.Dialer = func(ctx context.Context, _, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", addr)
		}
	}
	return redis.NewClient(o)
}
