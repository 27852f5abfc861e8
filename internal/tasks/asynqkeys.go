package tasks

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// asynqPrefix begins all of asynq's keys, and its one channel.
const asynqPrefix = "asynq:"

// AsynqClient returns a client on the connections of rdb for everything of asynq: client, server
// and inspector. Each of asynq's keys begins with prefix there, so that pools with different
// prefixes share a database and see neither each other's tasks nor each other's servers. "" leaves
// them as they are. Closing rdb closes it.
//
// asynq has no setting for that. Names of queues could carry a prefix, but the lists of all queues
// and of all servers would still be common: the dashboard would show, and let delete, another
// pool's queues, and a worker that is alone would count another pool's workers. So the names are
// changed on their way to Redis, where every one of asynq's begins alike.
func AsynqClient(rdb *redis.Client, prefix string) redis.UniversalClient {
	if prefix == "" {
		return rdb
	}
	// A clone has hooks of its own, so that the ledger's arguments, which hold what others have
	// written, are left alone.
	clone := rdb.WithTimeout(rdb.Options().ReadTimeout)
	PrefixAsynq(clone, prefix)
	return asynqClient{clone, prefix}
}

// PrefixAsynq makes rdb put prefix before every name of asynq's. Subscriptions are not changed: see
// [AsynqClient].
func PrefixAsynq(rdb *redis.Client, prefix string) {
	if prefix != "" {
		rdb.AddHook(asynqKeys{prefix})
	}
}

// asynqClient changes what passes no hook.
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

// asynqKeys is a hook that changes names in commands before they are sent, and back in what scripts
// answer: asynq compares those with what it asked for. Nothing else that asynq sends as text begins
// so: payloads are bytes, ids of tasks are ours.
type asynqKeys struct{ prefix string }

// own is idempotent, as a command may be made again: no prefix begins with asynq's.
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

// restore takes the prefix off the names in an answer. asynq gets names from scripts alone.
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
