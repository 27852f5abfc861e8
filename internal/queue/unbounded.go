package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// Unbounded returns a client that can write while Redis is at maxmemory. It is for asynq, and for
// other code that writes a little for documents that were taken in before. At maxmemory, Redis
// refuses every write that takes memory. asynq needs such a write to take a task. So no document
// could finish, and only finished documents give memory back. With Unbounded only intake stops (see
// [ledger.FullError]). Documents that were taken in before may use a little more than maxmemory on
// their way out. The scripts of the ledger and of the limiter do the same by themselves.
//
// A command that Redis refused is sent again in a script. The script begins with a write that takes
// no memory, and Redis lets such a script through. asynq sees only the answer to the script. While
// Redis has memory left, nothing is different or slower. If a later version of asynq uses other
// commands, Redis refuses those as it does without Unbounded.
func Unbounded(rdb redis.UniversalClient) redis.UniversalClient { return unbounded{rdb} }

type unbounded struct{ redis.UniversalClient }

// letThrough is put before a script, because Redis does not stop a script that has already written.
// The key that it deletes never exists. Its name begins with a key that the caller may touch.
const letThrough = "redis.call('DEL', (KEYS[1] or ARGV[2]) .. ':none')\n"

var oneCommand = redis.NewScript(letThrough + "return redis.call(unpack(ARGV))")

// EvalSha implements redis.Cmdable. When Redis is at maxmemory, EvalSha answers that the script is
// not known. The caller then sends the source with Eval, which can be changed.
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
