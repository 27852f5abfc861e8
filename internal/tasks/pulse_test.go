package tasks_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// pulse runs a worker's pulse until the test ends.
func (a *actor) pulse() {
	ctx, cancel := context.WithCancel(a.s.t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Pulse(ctx, ctx.Done()) })
	a.s.t.Cleanup(func() { cancel(); running.Wait() })
}

// pulses waits for n more pulses of the one worker whose pulse runs. A pulse reads the clock four
// times. pulses waits for six reads for each pulse, because the rest of the worker reads the clock
// too.
func (b *bed) pulses(n int64) {
	b.t.Helper()
	want := b.clockReads.Load() + 6*n
	b.eventually("more pulses", func() bool { return b.clockReads.Load() >= want })
}

// heartbeats counts the heartbeats of a worker.
type heartbeats struct {
	passHook
	n atomic.Int32
}

func (h *heartbeats) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if isHeartbeat(cmd) {
			h.n.Add(1)
		}
		return next(ctx, cmd)
	}
}

func isHeartbeat(cmd redis.Cmder) bool { return isVerb(cmd.Args(), "beat") }

// The gateway takes the closes of one tenant and never answers. This holds up only the closes of
// this tenant. The heartbeat goes on. The cuts and closes of other tenants go on too.
func TestPulse_CloseHangs_WorkerCountsAsAliveAndOtherTenantsGoOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client, func(o *tasks.Options) {
		o.ExpressIdle, o.DeadAfter, o.ExpressMaxInvoices = time.Hour, 1200*time.Millisecond, 1
	})
	var hanging sync.Map // the sessions whose close hangs
	hung := make(chan struct{}, 100)
	client.closing = func(ctx context.Context, session string) error {
		if _, hangs := hanging.Load(session); !hangs {
			return nil
		}
		hung <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	// More sessions of one tenant hang than a worker closes at a time. The answer to each send is
	// lost. So each send has a session of its own, and that session is closed soon.
	client.sent = answerLost
	for i := range 40 {
		inv := s.admit(ledger.Express, s.good(fmt.Sprint("A/", i)))
		w.must(queue.KindSend, inv.ID)
		hanging.Store(s.pkg(s.read(inv.ID).Package).Session, true)
	}
	client.sent = nil
	beats := &heartbeats{}
	w.rdb.AddHook(beats)
	w.pulse()
	<-hung
	<-hung
	other := s.admit(ledger.Express, s.goodOf(sample.NIP(1), "B/1"))
	w.must(queue.KindSend, other.ID)
	s.eventually("the other tenant's session is closed", func() bool {
		return s.pkg(s.read(other.ID).Package).State != ledger.PackageOpened
	})
	waits := s.admit(ledger.Bulk, s.goodOf(sample.NIP(1), "B/2"))
	if err := s.ledger.Wait(t.Context(), &waits); err != nil {
		t.Fatal(err)
	}
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	s.eventually("a cut of the other tenant is queued", func() bool {
		_, err := inspect.GetTaskInfo(queue.QueuePackages, queue.TaskID(queue.KindCut, waits.WaitingGroup().Name(), 0))
		return err == nil
	})
	// A heartbeat is valid for DeadAfter, and six of them are sent in that time. So after 15 more
	// the worker counts as alive only because of heartbeats that were sent while the closes hung.
	want := beats.n.Load() + 15
	s.eventually("heartbeats for longer than one of them is valid", func() bool { return beats.n.Load() >= want })
	if alive, err := s.ledger.Alive(t.Context(), "w"); !alive {
		t.Errorf("the worker runs but counts as dead (%v)", err)
	}
}

// A close hangs while the process stops. The close is cancelled when the time for the stop is over.
// The session of another tenant is closed all the same.
func TestStop_ClosesHang_ItReturnsInTimeAndTheOthersAreClosed(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	inv := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, inv.ID)
	stuck := s.pkg(s.read(inv.ID).Package).Session
	other := s.admit(ledger.Express, s.goodOf(sample.NIP(1), "B/1"))
	w.must(queue.KindSend, other.ID)
	client.closing = func(ctx context.Context, session string) error {
		if session != stuck {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if err := w.Stop(ctx); err == nil {
		t.Error("Stop does not report the close that hung")
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Stop took %s, want at most 4s", took)
	}
	if p := s.pkg(s.read(other.ID).Package); p.State != ledger.PackageProcessing {
		t.Errorf("the other tenant's session is %s, want processing", p.State)
	}
	// The state closing was written before the call, so other workers see that a close was tried.
	if p := s.pkg(s.read(inv.ID).Package); p.State != ledger.PackageClosing {
		t.Errorf("the session whose close hung is %s, want closing", p.State)
	}
}

// hangOnce makes the first heartbeats of a worker hang until their caller gives up.
type hangOnce struct {
	passHook
	left atomic.Int32
}

func (h *hangOnce) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if isHeartbeat(cmd) && h.left.Add(-1) >= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx, cmd)
	}
}

func TestPulse_HeartbeatHangs_TheNextOnesAreTried(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("beating", s.client(), func(o *tasks.Options) { o.DeadAfter = 1200 * time.Millisecond })
	if err := s.ledger.Leave(t.Context(), "beating"); err != nil { // undo the heartbeat of the stage
		t.Fatal(err)
	}
	h := &hangOnce{}
	h.left.Store(2)
	w.rdb.AddHook(h)
	w.pulse()
	s.eventually("a heartbeat after those that hung", func() bool {
		alive, err := s.ledger.Alive(t.Context(), "beating")
		return err == nil && alive
	})
	if h.left.Load() >= 0 {
		t.Error("no heartbeat came after the two that hung, so this test proves nothing")
	}
}

// A pool has no time to run its sweeps. Only one sweep waits in the queue, and not one for each
// round.
func TestPulse_NobodyRunsSweeps_OnlyOneIsQueued(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.SweepEvery = time.Second })
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	pending := func() int {
		info, err := inspect.GetQueueInfo(queue.QueueUpkeep)
		if err != nil {
			return 0 // no such queue yet
		}
		return info.Pending
	}
	w.pulse()
	s.eventually("the first sweep", func() bool { return pending() > 0 })
	for range 3 { // rounds
		s.advance(time.Second)
		s.pulses(1)
	}
	if n := pending(); n != 1 {
		t.Errorf("%d sweeps wait, want one", n)
	}
}

// A panic concerns only the task in which it happens. asynq recovers from it, and the send that
// waits for the session opens another session.
func TestSend_OpeningPanics_TheNextSendOpensAnother(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	entered, release := make(chan struct{}), make(chan struct{})
	var opens atomic.Int32
	client.opening = func() {
		if opens.Add(1) == 1 {
			close(entered)
			<-release
			panic("a bug")
		}
	}
	w := s.worker("w", client)
	first, second := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	var sends sync.WaitGroup
	sends.Go(func() {
		defer func() { _ = recover() }() // as asynq does
		_ = w.run(queue.KindSend, first.ID)
	})
	<-entered
	read := &before{do: func() {}, is: func(args []any) bool { return slices.Contains(args, any("ksef:body:"+second.ID)) }}
	w.rdb.AddHook(read)
	sends.Go(func() { _ = w.run(queue.KindSend, second.ID) })
	s.eventually("the second send has read its document and waits for the session", read.done.Load)
	close(release)
	s.eventually("the second invoice is sent", func() bool { return s.read(second.ID).State == ledger.Sent })
	sends.Wait()
	w.must(queue.KindSend, first.ID)
}
