package main

import (
	"context"
	"strconv"
	"sync"

	"github.com/hibiken/asynq"
	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// workers maps each running script to the function that stops its worker.
var workers sync.Map

// "worker" starts a server that asynq counts as a worker; "worker stop" ends it.
func scriptWorker(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		stop, _ := workers.Load(ts)
		stop.(func())()
		return
	}
	rdb := client(ts)
	srv := asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Queues: map[string]int{queue.QueueUpkeep: 1}, LogLevel: asynq.FatalLevel,
	})
	ts.Check(srv.Start(asynq.NotFoundHandler()))
	stop := sync.OnceFunc(func() { srv.Shutdown(); _ = rdb.Close() })
	ts.Defer(stop)
	workers.Store(ts, stop)
}

// "unbind" forgets which taxpayers the names of tenants mean, so that a script may rename them.
func scriptUnbind(ts *testscript.TestScript, _ bool, _ []string) {
	rdb := client(ts)
	defer rdb.Close()
	ts.Check(rdb.Del(context.Background(), "ksef:taxpayers").Err())
}

// "tasks N" fails unless N tasks are queued.
func scriptTasks(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	i := asynq.NewInspectorFromRedisClient(rdb)
	queues, err := i.Queues()
	ts.Check(err)
	n := 0
	for _, q := range queues {
		info, err := i.GetQueueInfo(q)
		ts.Check(err)
		n += info.Size
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d tasks are queued, want %s", n, args[0])
	}
}

// "pausequeue NAME" pauses a queue, as a person does in the dashboard.
func scriptPauseQueue(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ts.Check(asynq.NewInspectorFromRedisClient(rdb).PauseQueue(args[0]))
}

// "keys N" fails unless Redis has N keys.
func scriptKeys(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	all, err := rdb.Keys(context.Background(), "*").Result()
	ts.Check(err)
	if strconv.Itoa(len(all)) != args[0] {
		ts.Fatalf("Redis has %d keys, want %s: %v", len(all), args[0], all)
	}
}

// "sick KEY" puts another type in place of a key of the ledger, as another program does by mistake;
// "sick KEY well" restores the key.
func scriptSick(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	key, ctx := "ksef:"+args[0], context.Background()
	if len(args) > 1 {
		ts.Check(rdb.Rename(ctx, "aside:"+key, key).Err())
		return
	}
	ts.Check(rdb.Rename(ctx, key, "aside:"+key).Err())
	ts.Check(rdb.Set(ctx, key, "x", 0).Err())
}

// "maxmemory PERCENT" sets maxmemory so that Redis uses this percentage of it now. With 0, Redis
// has no maxmemory.
func scriptMaxMemory(ts *testscript.TestScript, _ bool, args []string) {
	percent, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	rdb := client(ts)
	defer rdb.Close()
	m, err := ledger.New(rdb, ledger.Options{}).Memory(context.Background())
	ts.Check(err)
	limit := int64(0)
	if percent > 0 {
		limit = m.Used * 100 / percent
	}
	ts.Check(rdb.ConfigSet(context.Background(), "maxmemory", strconv.FormatInt(limit, 10)).Err())
}

// "replica" makes Redis a replica of a master that does not answer; "replica no" makes it a master
// again.
func scriptReplica(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	host, port := "127.0.0.1", "1"
	if len(args) > 0 {
		host, port = "NO", "ONE"
	}
	ts.Check(rdb.Do(context.Background(), "REPLICAOF", host, port).Err())
}

// "redisset NAME VALUE" changes a setting of Redis.
func scriptRedisSet(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ts.Check(rdb.ConfigSet(context.Background(), args[0], args[1]).Err())
}
