package tasks

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// Unbounded lets asynq, and whatever else writes a little on the way of what was taken in, go on while
// Redis is at maxmemory. Redis refuses every write then that takes
// memory, and asynq takes up a task, or asks for one, by such a write: nothing that was taken in could
// finish, and only what finishes gives memory back. So intake alone stops (see [ledger.FullError]);
// what it has taken in may use a little more than maxmemory on its way out. The ledger's and the
// limiter's scripts see to that themselves.
//
// A command that was refused is made again behind a write that takes nothing, which Redis lets
// through; asynq never learns of it. Nothing is different, or slower, while there is room. Should a
// later asynq use other commands, those are refused as they are today.
func Unbounded(rdb redis.UniversalClient) redis.UniversalClient { return unbounded{rdb} }

type unbounded struct{ redis.UniversalClient }

// letThrough goes before a script. A script that has written already is not stopped halfway. The key is
// never there; it begins as one that the caller may touch.
const letThrough = "redis.call('DEL', (KEYS[1] or ARGV[2]) .. ':none')\n"

var oneCommand = redis.NewScript(letThrough + "return redis.call(unpack(ARGV))")

// EvalSha implements redis.Cmdable. The caller shows the source when it hears that the script is not known.
func (u unbounded) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	cmd := u.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if ledger.IsFull(cmd.Err()) {
		cmd = redis.NewCmd(ctx)
		cmd.SetErr(noScript{})
	}
	return cmd
}

// Eval implements redis.Cmdable.
func (u unbounded) Eval(ctx context.Context, source string, keys []string, args ...any) *redis.Cmd {
	cmd := u.UniversalClient.Eval(ctx, source, keys, args...)
	if ledger.IsFull(cmd.Err()) {
		cmd = u.UniversalClient.Eval(ctx, letThrough+source, keys, args...)
	}
	return cmd
}

// Set implements redis.Cmdable.
func (u unbounded) Set(ctx context.Context, key string, value any, expiration time.Duration) *redis.StatusCmd {
	cmd := u.UniversalClient.Set(ctx, key, value, expiration)
	if !ledger.IsFull(cmd.Err()) {
		return cmd
	}
	if err := oneCommand.Run(ctx, u.UniversalClient, nil, cmd.Args()...).Err(); err != nil {
		cmd.SetErr(err)
		return cmd
	}
	cmd.SetErr(nil)
	cmd.SetVal("OK")
	return cmd
}

// Incr implements redis.Cmdable.
func (u unbounded) Incr(ctx context.Context, key string) *redis.IntCmd {
	return u.again(ctx, u.UniversalClient.Incr(ctx, key))
}

// SAdd implements redis.Cmdable.
func (u unbounded) SAdd(ctx context.Context, key string, members ...any) *redis.IntCmd {
	return u.again(ctx, u.UniversalClient.SAdd(ctx, key, members...))
}

// ZAdd implements redis.Cmdable.
func (u unbounded) ZAdd(ctx context.Context, key string, members ...redis.Z) *redis.IntCmd {
	return u.again(ctx, u.UniversalClient.ZAdd(ctx, key, members...))
}

// ZAddXX implements redis.Cmdable.
func (u unbounded) ZAddXX(ctx context.Context, key string, members ...redis.Z) *redis.IntCmd {
	return u.again(ctx, u.UniversalClient.ZAddXX(ctx, key, members...))
}

func (u unbounded) again(ctx context.Context, cmd *redis.IntCmd) *redis.IntCmd {
	if !ledger.IsFull(cmd.Err()) {
		return cmd
	}
	n, err := oneCommand.Run(ctx, u.UniversalClient, nil, cmd.Args()...).Int64()
	if err != nil {
		cmd.SetErr(err)
		return cmd
	}
	cmd.SetErr(nil)
	cmd.SetVal(n)
	return cmd
}
