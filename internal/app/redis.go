package app

import (
	"context"
	"errors"
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
		return nil, fmt.Errorf("%v %w: %w; check redis.url, and that the server runs", c, ErrUnreachable, err)
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

// VolatileError says that this Redis may forget what it was told. The ledger is the only record of what was sent: the worker refuses to start on it.
type VolatileError struct{ Faults []string }

func (e *VolatileError) Error() string {
	return "this Redis may lose invoices: " + strings.Join(e.Faults, "; ") + " (for development: worker --allow-volatile-redis)"
}

// CheckDurable asks Redis for its settings. A server that does not let itself be asked (managed services forbid CONFIG) is taken on trust; unknown says so.
func CheckDurable(ctx context.Context, rdb redis.UniversalClient) (unknown bool, err error) {
	policy, err := setting(ctx, rdb, "maxmemory-policy")
	if err != nil {
		return true, ignoreForbidden(err)
	}
	aof, err := setting(ctx, rdb, "appendonly")
	if err != nil {
		return true, ignoreForbidden(err)
	}
	var faults []string
	if policy != "" && policy != "noeviction" {
		faults = append(faults, fmt.Sprintf("maxmemory-policy is %s, so it throws away entries when memory is short: run CONFIG SET maxmemory-policy noeviction and put it into redis.conf", policy))
	}
	if aof != "yes" {
		faults = append(faults, "appendonly is off, so a restart forgets the last minutes: run CONFIG SET appendonly yes and put it into redis.conf")
	}
	if len(faults) > 0 {
		return false, &VolatileError{faults}
	}
	return false, nil
}

func setting(ctx context.Context, rdb redis.UniversalClient, name string) (string, error) {
	m, err := rdb.ConfigGet(ctx, name).Result()
	return m[name], err
}

// ignoreForbidden tells an answer of Redis ("unknown command", "NOPERM") from no answer at all.
func ignoreForbidden(err error) error {
	if _, answered := errors.AsType[redis.Error](err); answered || err == nil {
		return nil
	}
	return fmt.Errorf("ask redis for its settings: %w", err)
}
