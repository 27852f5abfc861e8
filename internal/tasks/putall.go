package tasks

import (
	"context"
	"fmt"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// PutAllNew queues a task for each of many invoices of which the caller knows that they are new, in one round trip; finding one there is success. It is
// meant for hundreds: all are in memory at once.
//
// asynq has no call for many. What it would send is caught on its way to Redis and sent in one pipeline, which is 3 times as fast as
// 32 goroutines that call it, and takes a quarter of the processor's time.
func (q *Queue) PutAllNew(ctx context.Context, k Kind, invs []*ledger.Invoice) error {
	net := &catch{UniversalClient: q.rdb}
	client := asynq.NewClientFromRedisClient(net)
	for _, inv := range invs {
		if err := enqueue(ctx, client, k, inv.ID, inv.Rev, 0); err != nil {
			return err
		}
	}
	err := net.send(ctx)
	if redis.HasErrorPrefix(err, "NOSCRIPT") && len(invs) > 0 {
		// A Redis that was restarted has forgotten asynq's script. One call by asynq's own way loads it.
		if err := q.PutNew(ctx, k, invs[0].ID, invs[0].Rev); err != nil {
			return err
		}
		err = net.send(ctx)
	}
	if err != nil {
		return fmt.Errorf("queue %d tasks: %w", len(invs), err)
	}
	return nil
}

// catch is a Redis client that keeps what asynq's Enqueue asks for, a script and the registration of the queue, and answers at once that all is well. Whatever else
// asynq may ask for in a later version goes through to Redis: then nothing is saved, and nothing is wrong.
type catch struct {
	redis.UniversalClient
	caught []redis.Cmder
}

// EvalSha implements redis.Cmdable.
func (c *catch) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, "evalsha", sha, len(keys))
	for _, k := range keys {
		words = append(words, k)
	}
	c.caught = append(c.caught, redis.NewCmd(ctx, append(words, args...)...))
	answer := redis.NewCmd(ctx)
	answer.SetVal(int64(1))
	return answer
}

// SAdd implements redis.Cmdable.
func (c *catch) SAdd(ctx context.Context, key string, members ...any) *redis.IntCmd {
	c.caught = append(c.caught, redis.NewIntCmd(ctx, append([]any{"sadd", key}, members...)...))
	return redis.NewIntCmd(ctx)
}

// send gives all that was caught to Redis in its order; the error is the first that any of it met. That a task was there already is asynq's 0, not an error.
func (c *catch) send(ctx context.Context) error {
	_, err := c.UniversalClient.Pipelined(ctx, func(p redis.Pipeliner) error {
		return p.BatchProcess(ctx, c.caught...)
	})
	return err
}
