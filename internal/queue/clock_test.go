package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// The clock of a machine is a day off. The tasks that this machine delays return at the right time
// on every machine, even after this machine is gone. The tasks that other machines delay return on
// this machine at the right time, too.
//
// asynq always reads the clock of this machine, and a test cannot set that clock. So the test
// pretends that this clock is a day away from the clock of Redis.
func TestGuarded_MachinesClockIsADayOff_TasksReturnByRedisClock(t *testing.T) {
	const day, hour, near = 24 * time.Hour, time.Hour, time.Minute
	for name, off := range map[string]time.Duration{"ahead": day, "behind": -day} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			g := Guarded(b.rdb).(*guarded)
			g.now = func() time.Time { return time.Now().Add(off) }
			invoices := KindSubmit.queue(false)
			at := func(set, id string) time.Duration {
				score, err := b.rdb.ZScore(t.Context(), "asynq:{"+invoices+"}:"+set, id).Result()
				if err != nil {
					return -1
				}
				return time.Until(time.Unix(int64(score), 0))
			}
			client := asynq.NewClientFromRedisClient(g)
			enqueue := func(id string, in time.Duration) {
				t.Helper()
				_, err := client.Enqueue(asynq.NewTask(string(KindSubmit), payload{ID: id}.encode()),
					asynq.Queue(invoices), asynq.TaskID(id), asynq.MaxRetry(5), asynq.ProcessIn(in))
				b.must(err)
			}
			enqueue("later", 2*day+hour)
			if got := at("scheduled", "later"); (got - (2*day + hour - off)).Abs() > near {
				t.Errorf("the task returns in %s by this machine's clock, which is %s ahead of redis's, want two days and an hour by redis's",
					got, off)
			}

			srv := asynq.NewServerFromRedisClient(g, asynq.Config{
				Concurrency: 1, Queues: Queues(), LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
				TaskCheckInterval: 50 * time.Millisecond, DelayedTaskCheckInterval: 100 * time.Millisecond,
				RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return 3*day + hour },
			})
			began := make(chan string, 10)
			next := func() string {
				select {
				case id := <-began:
					return id
				case <-time.After(20 * time.Second):
					return "no task"
				}
			}
			b.must(srv.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
				p, _ := decodePayload(task.Payload())
				began <- p.ID
				return errors.New("try again")
			})))
			t.Cleanup(srv.Shutdown)
			enqueue("now", 0)
			if id := next(); id != "now" {
				t.Errorf("the task %s began, want the task \"now\"", id)
			}
			b.until("the task \"now\" waits for its next try", func() bool { return at("retry", "now") >= 0 })
			if got := at("retry", "now"); (got - (3*day + hour - off)).Abs() > near {
				t.Errorf("the task returns in %s by this machine's clock, which is %s ahead of redis's, want three days and an hour by redis's",
					got, off)
			}
			// By Redis's clock "later" is due and "early" is not, whatever this machine says.
			redisNow := time.Now().Add(-off)
			enqueue("early", 2*day)
			for id, in := range map[string]time.Duration{"early": hour, "later": -hour} {
				b.must(b.rdb.ZAdd(t.Context(), "asynq:{"+invoices+"}:scheduled",
					redis.Z{Score: float64(redisNow.Add(in).Unix()), Member: id}).Err())
			}
			if id := next(); id != "later" {
				t.Errorf("the task %s began, want the task \"later\"", id)
			}
			if got := at("scheduled", "early"); got == -1 {
				t.Error("the task \"early\" began an hour before it was due")
			}
		})
	}
}
