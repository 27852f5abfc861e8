package queue

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// asynqPrefix begins the names of all of asynq's keys, and the name of its one channel.
const asynqPrefix = "asynq:"

// AsynqClient returns a client for asynq's client, server and inspector. The client uses the
// connections of rdb. The client puts prefix before each of asynq's keys. So pools with different
// prefixes can share a database, and each pool sees only its own tasks and servers. With the prefix
// "" AsynqClient returns rdb, and the keys stay as they are. Closing rdb closes the client.
//
// asynq has no setting for a prefix. The names of queues could carry one, but all pools would still
// share the lists of queues and servers. The dashboard would show another pool's queues and could
// delete them, and a worker that is alone in its pool would count another pool's workers. So the
// client changes the names on their way to Redis. It recognises them by asynqPrefix, because all of
// asynq's names begin with it.
func AsynqClient(rdb *redis.Client, prefix string) redis.UniversalClient {
	if prefix == "" {
		return rdb
	}
	// A clone has hooks of its own. The hook must not see the ledger's commands, because their
	// arguments hold text that others have written.
	clone := rdb.WithTimeout(rdb.Options().ReadTimeout)
	PrefixAsynq(clone, prefix)
	return asynqClient{clone, prefix}
}

// PrefixAsynq makes rdb put prefix before every name of asynq's. It does not change subscriptions;
// [AsynqClient] does.
func PrefixAsynq(rdb *redis.Client, prefix string) {
	if prefix != "" {
		rdb.AddHook(asynqKeys{prefix})
	}
}

// asynqClient changes the names in subscriptions, which pass no hook.
type asynqClient struct {
	redis.UniversalClient
	prefix string
}

// Subscribe implements redis.UniversalClient.
func (c asynqClient) Subscribe(ctx context.Context, channels ...string) *redis.PubSub {
	own := make([]string, len(channels))
	for i, name := range channels {
		own[i] = asynqKeys{c.prefix}.own(name)
	}
	return c.UniversalClient.Subscribe(ctx, own...)
}

// asynqKeys is a hook that adds the prefix to names in commands before they are sent. It also
// removes the prefix from names in the answers of scripts, because asynq compares those names with
// the names that it asked for. Nothing else that asynq sends begins with asynqPrefix, because
// payloads are bytes and the ids of tasks are ours.
type asynqKeys struct{ prefix string }

// own returns the name with the pool's prefix, when it is one of asynq's names. A command may be
// sent again, but own does not add the prefix twice, because no pool's prefix begins with
// asynqPrefix.
func (k asynqKeys) own(name string) string {
	if strings.HasPrefix(name, asynqPrefix) {
		return k.prefix + name
	}
	return name
}

func (k asynqKeys) change(cmd redis.Cmder) {
	args := cmd.Args()
	for i := range args {
		if s, ok := args[i].(string); ok {
			args[i] = k.own(s)
		}
	}
}

// restore removes the prefix from the names in an answer. asynq gets names only from scripts.
func (k asynqKeys) restore(cmd redis.Cmder) {
	if answer, ok := cmd.(*redis.Cmd); ok && answer.Err() == nil {
		answer.SetVal(k.plain(answer.Val()))
	}
}

func (k asynqKeys) plain(v any) any {
	switch v := v.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, k.prefix); ok && strings.HasPrefix(name, asynqPrefix) {
			return name
		}
	case []any:
		for i := range v {
			v[i] = k.plain(v[i])
		}
	}
	return v
}

// DialHook implements redis.Hook.
func (asynqKeys) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (k asynqKeys) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		k.change(cmd)
		err := next(ctx, cmd)
		k.restore(cmd)
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (k asynqKeys) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			k.change(cmd)
		}
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			k.restore(cmd)
		}
		return err
	}
}

var _ redis.Hook = asynqKeys{}
