package tasks_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/tasks"
)

// actor is one worker process. The test runs its handlers.
type actor struct {
	*tasks.Worker
	s   *stage
	mux *asynq.ServeMux
	rdb *redis.Client
}

// worker makes a worker that reaches KSeF through client. tune may change its options.
func (s *stage) worker(name string, client tasks.Transport, tune ...func(*tasks.Options)) *actor {
	s.t.Helper()
	return s.workerWith(name, client, func(*tasks.Parts) {}, tune...)
}

// workerWith is like worker, and parts may change what the worker uses.
func (s *stage) workerWith(name string, client tasks.Transport, parts func(*tasks.Parts), tune ...func(*tasks.Options)) *actor {
	s.t.Helper()
	rdb := redistest.Client(s.t, s.redis)
	o := tasks.Options{
		Worker: name, Environment: "custom", SpoolDir: s.t.TempDir(), PartSize: 1 << 20, ParallelUploads: 2, Refusals: 3,
		MaxWait: time.Millisecond, MaxInvoices: 5000, MaxBytes: 1 << 30,
		ExpressBelow: 0, ExpressIdle: time.Hour, ExpressMaxAge: 11 * time.Hour, ExpressMaxInvoices: 1000,
		// No alarm goes off, because an alarm keeps real time, but the test moves the clock.
		After:        func(time.Duration, func()) func() bool { return func() bool { return true } },
		ConfirmFirst: time.Second, ConfirmMax: time.Minute, SweepEvery: time.Hour,
		Now: s.now, Log: zerolog.New(&s.log).With().Str("worker", name).Logger(),
	}
	for _, f := range tune {
		f(&o)
	}
	p := tasks.Parts{
		Ledger: ledger.New(rdb, ledger.Options{Now: s.now}), Queue: queue.New(rdb), Bodies: s.bodies, Store: s.store, Budget: s.budget,
		Transport: func(string) (tasks.Transport, bool) { return client, true },
	}
	parts(&p)
	w := tasks.NewWorker(p, o)
	if err := s.ledger.Beat(s.t.Context(), name, time.Hour); err != nil {
		s.t.Fatal(err)
	}
	return &actor{Worker: w, s: s, mux: w.Mux(), rdb: rdb}
}

// run runs one task. It returns the error that asynq would get.
func (a *actor) run(k queue.Kind, id string) error { return a.runWith(a.s.t.Context(), k, id) }

// runWith is like run, but ctx can end the task, as when the worker dies.
func (a *actor) runWith(ctx context.Context, k queue.Kind, id string) error {
	return a.mux.ProcessTask(ctx, asynq.NewTask(string(k), fmt.Appendf(nil, `{"v":1,"id":%q}`, id)))
}

// must runs a task that has to succeed.
func (a *actor) must(k queue.Kind, id string) {
	a.s.t.Helper()
	if err := a.run(k, id); err != nil {
		a.s.t.Fatalf("the task %s of %s ends with %v", k, id, err)
	}
}

// until runs a task again and again until want holds.
func (a *actor) until(k queue.Kind, id string, want func() bool) {
	a.s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := a.run(k, id)
		if want() {
			return
		}
		if time.Now().After(deadline) {
			a.s.t.Fatalf("the task %s of %s did not bring about what the test waits for; its last run ended with %v", k, id, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// untilSilent is like until, for the confirm task of a session. If KSeF says nothing about invoices
// of the session, untilSilent lets two minutes pass and runs the task again.
func (a *actor) untilSilent(pkg string, want func() bool) {
	a.s.t.Helper()
	a.until(queue.KindConfirm, pkg, func() bool { return want() || a.s.pkg(pkg).Doubt != 0 })
	if !want() {
		a.s.advance(2 * time.Minute)
		a.until(queue.KindConfirm, pkg, want)
	}
}

// cut brings a queued invoice into a package and returns the id of the package.
func (a *actor) cut(id string) string {
	a.s.t.Helper()
	a.must(queue.KindSubmit, id)
	inv := a.s.read(id)
	g := inv.WaitingGroup()
	a.until(queue.KindCut, g.Name(), func() bool { return a.s.read(id).State == ledger.Packed })
	return a.s.read(id).Package
}

// together cuts one package of several invoices.
func (a *actor) together(invs ...ledger.Invoice) string {
	a.s.t.Helper()
	for _, inv := range invs[1:] {
		a.must(queue.KindSubmit, inv.ID)
	}
	pkg := a.cut(invs[0].ID)
	for _, inv := range invs {
		if got := a.s.read(inv.ID).Package; got != pkg {
			a.s.t.Fatalf("%s is in package %q, want it in %s", inv.Number, got, pkg)
		}
	}
	return pkg
}

// settle polls a package's session until the package is settled.
func (a *actor) settle(pkg string) {
	a.s.t.Helper()
	a.s.sim.Rest()
	a.until(queue.KindConfirm, pkg, func() bool { return a.s.pkg(pkg).State == ledger.PackageSettled })
}

// receipt runs a package's receipt task until the package is receipted.
func (a *actor) receipt(pkg string) {
	a.s.t.Helper()
	a.until(queue.KindReceipt, pkg, func() bool { return a.s.pkg(pkg).State == ledger.PackageReceipted })
}

// noLimits is a budget in which every request has a place.
type noLimits struct{}

func (noLimits) Peek(context.Context, string, string) (time.Duration, error) { return 0, nil }
func (noLimits) Join(context.Context, string, string) error                  { return nil }
func (noLimits) Leave(context.Context, string, string) error                 { return nil }
func (noLimits) Pause(context.Context, string, time.Duration) error          { return nil }
func (noLimits) Down(context.Context, string, ...string) (bool, error)       { return false, nil }
func (noLimits) Usage(context.Context, string, string) (ratelimit.Usage, error) {
	return ratelimit.Usage{}, nil
}

// passHook is a hook of go-redis that does nothing. Hooks of tests embed it.
type passHook struct{}

func (passHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}
func (passHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (passHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// before is a hook that does something once, right before the first command that it recognises.
type before struct {
	passHook
	is   func(args []any) bool
	do   func()
	done atomic.Bool
}

func (b *before) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.is(cmd.Args()) && b.done.CompareAndSwap(false, true) {
			b.do()
		}
		return next(ctx, cmd)
	}
}

// beforeVerb calls f before the n-th call of a verb of the ledger.
func (a *actor) beforeVerb(verb string, n int32, f func()) {
	var calls atomic.Int32
	a.rdb.AddHook(&before{do: f, is: func(args []any) bool { return isVerb(args, verb) && calls.Add(1) == n }})
}

// isVerb reports whether a command calls a verb of the ledger.
func isVerb(args []any, verb string) bool {
	return len(args) > 1 && args[0] == "evalsha" && args[1] == ledger.ScriptHashes()[verb]
}
