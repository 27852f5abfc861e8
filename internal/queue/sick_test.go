package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// works runs a guarded server and returns a function that reports whether a task was handled. A
// task whose id begins with "again" fails the first time, and counts as handled after two runs.
func (b *bench) works() func(id string) bool {
	b.t.Helper()
	var mu sync.Mutex
	var done []string
	srv := asynq.NewServerFromRedisClient(Guarded(b.rdb), asynq.Config{
		Concurrency: 4, Queues: Queues(), LogLevel: asynq.WarnLevel, ShutdownTimeout: time.Second,
		TaskCheckInterval: 50 * time.Millisecond, DelayedTaskCheckInterval: 100 * time.Millisecond,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return 0 },
	})
	b.must(srv.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		p, _ := decodePayload(task.Payload())
		mu.Lock()
		defer mu.Unlock()
		done = append(done, p.ID)
		if strings.HasPrefix(p.ID, "again") && !slices.Contains(done[:len(done)-1], p.ID) {
			return errors.New("not the first time")
		}
		return nil
	})))
	b.t.Cleanup(srv.Shutdown)
	return func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, d := range done {
			if d == id {
				n++
			}
		}
		return n > strings.Count(id, "again")
	}
}

// spoil replaces the value of a key by a value of a type that asynq never writes there. It does so
// in one step, because a server of asynq runs meanwhile.
func (b *bench) spoil(key string) {
	b.t.Helper()
	_, err := b.rdb.TxPipelined(b.t.Context(), func(p redis.Pipeliner) error {
		p.Del(b.t.Context(), key)
		p.PFAdd(b.t.Context(), key, "x") // a string
		return nil
	})
	b.must(err)
}

func (b *bench) wantSick(keys ...string) {
	b.t.Helper()
	sick, err := NewRepairer(b.Queue).SickKeys(b.t.Context())
	b.must(err)
	var got []string
	for _, s := range sick {
		got = append(got, s.Key)
	}
	if !slices.Equal(got, keys) {
		b.t.Errorf("the sick keys are %v, want %v", got, keys)
	}
}

// A key of a queue holds a value of the wrong type. The tasks of that queue wait. All other queues
// go on, with their delayed tasks and the tasks that are tried again. A task that could not be
// queued leaves no trace.
func TestGuarded_OneQueuesKeyIsOfAnotherType_TheOthersGoOn(t *testing.T) {
	b := newBench(t)
	handled := b.works()
	for part := range kindsOf {
		if part == "paused" {
			continue
		}
		for _, queue := range []string{QueuePackages, QueueUpkeep} { // two, because asynq asks the queues in any order
			b.spoil(keyOf(queue, part))
		}
		b.must(b.Put(t.Context(), KindConfirm, part, 0, When{}))
		b.must(b.Put(t.Context(), KindReceipt, "again "+part, 0, When{}))
		b.must(b.Put(t.Context(), KindSend, part+" later", 0, When{In: time.Second}))
		err := b.Put(t.Context(), KindPackage, part, 0, When{})
		if part == "pending" && (err == nil || !strings.Contains(err.Error(), "the key "+keyOf(QueuePackages, part))) {
			t.Errorf("Put beside a sick key %s returns %v, want an error that names the key", part, err)
		}
		if n := b.rdb.Exists(t.Context(), keyOf(QueuePackages, "t:"+TaskID(KindPackage, part, 0))).Val(); part == "pending" && n != 0 {
			t.Error("the entry of a task that could not be queued is left, want none")
		}
		for _, id := range []string{part, "again " + part, part + " later"} {
			b.until(id+" runs beside a sick "+part, func() bool { return handled(id) })
		}
		_, err = b.Stats(10)
		b.must(err)
		_, err = b.Depth(KindPackage)
		b.must(err)
		b.wantSick(keyOf(QueuePackages, part), keyOf(QueueUpkeep, part))
		b.must(b.rdb.Del(t.Context(), keyOf(QueuePackages, part), keyOf(QueueUpkeep, part)).Err())
		_, err = NewRepairer(b.Queue).Repair(t.Context())
		b.must(err)
		b.must(b.Put(t.Context(), KindPackage, part, 0, When{}))
		b.until("the tasks of the repaired queue go on", func() bool { return handled(part) })
	}
}

// A person who deletes a sick key deletes a list of tasks with it. The list is made again from the
// entries of the tasks.
func TestRepair_APersonDeletesTheKeys_TheirTasksRun(t *testing.T) {
	b := newBench(t)
	ids := []string{"1", "2", "3", "later"}
	for _, id := range ids[:3] {
		b.must(b.Put(t.Context(), KindPackage, id, 0, When{}))
	}
	b.must(b.Put(t.Context(), KindPackage, "later", 0, When{In: time.Hour}))
	b.spoil(keyOf(QueuePackages, "pending"))
	b.spoil(keyOf(QueuePackages, "scheduled"))
	b.wantSick(keyOf(QueuePackages, "pending"), keyOf(QueuePackages, "scheduled"))
	if n, err := NewRepairer(b.Queue).Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("while the keys are still sick, %d tasks are put back, want none; %v", n, err)
	}
	b.rdb.Del(t.Context(), keyOf(QueuePackages, "pending"), keyOf(QueuePackages, "scheduled"))
	b.must(b.Put(t.Context(), KindPackage, "1", 0, When{})) // asynq regards this task as queued
	b.must(b.Put(t.Context(), KindPackage, "new", 0, When{}))
	if n, err := NewRepairer(b.Queue).Repair(t.Context()); n != len(ids) || err != nil {
		t.Errorf("%d tasks are put back, want %d, all that lost their list; %v", n, len(ids), err)
	}
	if n := b.rdb.LLen(t.Context(), keyOf(QueuePackages, "pending")).Val(); n != 4 {
		t.Errorf("%d tasks are pending, want 4", n)
	}
	if n, err := NewRepairer(b.Queue).Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("a second time %d tasks are put back, want none; %v", n, err)
	}
	handled := b.works()
	b.until("all tasks run", func() bool {
		return !slices.ContainsFunc(append(ids, "new"), func(id string) bool { return !handled(id) })
	})
}

// The entry of one task holds a value of the wrong type. The other tasks of the queue go on.
func TestGuarded_OneTasksEntryIsOfAnotherType_TheOthersOfItsQueueGoOn(t *testing.T) {
	b := newBench(t)
	for i, in := range []time.Duration{0, time.Second} {
		b.must(b.Put(t.Context(), KindPackage, fmt.Sprint("sick", i), 0, When{In: in}))
		b.must(b.Put(t.Context(), KindPackage, fmt.Sprint("well", i), 0, When{In: in}))
		b.spoil(keyOf(QueuePackages, "t:"+TaskID(KindPackage, fmt.Sprint("sick", i), 0)))
	}
	handled := b.works()
	b.until("the other tasks run", func() bool { return handled("well0") && handled("well1") })
	err := b.Put(t.Context(), KindPackage, "sick0", 0, When{})
	if err == nil || !strings.Contains(err.Error(), "sick0 was written by another program") {
		t.Errorf("Put of a task whose entry is sick returns %v, want an error that names the entry", err)
	}
}

// The keys with the lists of queues, servers and workers hold another type. The workers write these
// lists again.
func TestGuarded_ListsOfThePoolAreOfAnotherType_AreWrittenAgain(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"queues", "servers", "workers"} {
		b.spoil(asynqPrefix + name)
	}
	b.must(New(b.rdb).Open(t.Context()))
	handled := b.works()
	b.must(New(b.rdb).Put(t.Context(), KindConfirm, "1", 0, When{}))
	b.until("the task runs", func() bool { return handled("1") })
	_, err := b.Busy()
	b.must(err)
	for name, kind := range map[string]string{"queues": "set", "servers": "zset", "workers": "zset"} {
		b.until(name+" is written", func() bool { return b.rdb.Type(t.Context(), asynqPrefix+name).Val() == kind })
	}
}

// asynq's script for a task that failed has eight keys. It takes the task out of a list before it
// writes to the set of tasks that are tried again. The script must not begin when that set is of
// another type.
func TestGuarded_ScriptThatWritesToManyKeys_DoesNotBeginBesideASickOne(t *testing.T) {
	b := newBench(t)
	var keys []string
	for _, part := range []string{"t:1", "active", "lease", "retry", "processed:2026-11-26", "failed:2026-11-26", "processed", "failed"} {
		keys = append(keys, keyOf(QueuePackages, part))
	}
	b.must(b.rdb.LPush(t.Context(), keys[1], "1").Err())
	b.spoil(keys[3])
	const script = "redis.call('LREM', KEYS[2], 0, ARGV[1]) return redis.call('ZADD', KEYS[4], 1, ARGV[1])"
	err := Guarded(b.rdb).Eval(t.Context(), script, keys, "1").Err()
	if sick, ok := errors.AsType[*SickKeyError](err); !ok || !strings.HasSuffix(sick.Key, keys[3]) {
		t.Errorf("the script returns %v, want an error that names the sick key", err)
	}
	if n := b.rdb.LLen(t.Context(), keys[1]).Val(); n != 1 {
		t.Error("the task was taken out of its list, want the script not to begin")
	}
}
