package tasks_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// pulse lets a worker's pulse run until the test ends.
func (a *actor) pulse() {
	ctx, cancel := context.WithCancel(a.s.t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Pulse(ctx, ctx.Done()) })
	a.s.t.Cleanup(func() { cancel(); running.Wait() })
}

// A gateway that takes a close and never answers holds up that close, and nothing else: not the
// beat, not another tenant's cut or close.
func TestPulse_ACloseHangs_TheWorkerIsAliveAndOtherTenantsGoOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client, func(o *tasks.Options) {
		o.ExpressIdle, o.DeadAfter, o.ExpressMaxInvoices = time.Hour, 1200*time.Millisecond, 1
	})
	var hanging sync.Map // sessions
	hung := make(chan struct{}, 100)
	client.closing = func(ctx context.Context, session string) error {
		if _, hangs := hanging.Load(session); !hangs {
			return nil
		}
		hung <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	// More sessions of one tenant hang than a worker closes at a time: each send's answer is lost,
	// so that each has a session of its own, to be closed soon.
	client.sent = func(ksef.SentInvoice, error) (ksef.SentInvoice, error) {
		return ksef.SentInvoice{}, &ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, MaybeDone: true}
	}
	for i := range 40 {
		inv := s.admit(ledger.Express, s.good(fmt.Sprint("A/", i)))
		w.must(queue.KindSend, inv.ID)
		hanging.Store(s.pkg(s.read(inv.ID).Package).Session, true)
	}
	client.sent = nil
	w.pulse()
	<-hung
	<-hung
	since := time.Now()
	other := s.admit(ledger.Express, sample.Invoice(sample.Options{
		SellerNIP: sample.NIP(1), Number: "B/1", IssueDate: invoice.Today(time.Now()),
	}))
	w.must(queue.KindSend, other.ID)
	s.eventually("the other tenant's session to be closed", func() bool { return s.pkg(s.read(other.ID).Package).State != ledger.PackageOpened })
	waits := s.admit(ledger.Bulk, sample.Invoice(sample.Options{
		SellerNIP: sample.NIP(1), Number: "B/2", IssueDate: invoice.Today(time.Now()),
	}))
	if err := s.ledger.Wait(t.Context(), &waits); err != nil {
		t.Fatal(err)
	}
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	s.eventually("the other tenant's cut", func() bool {
		_, err := inspect.GetTaskInfo(queue.QueuePackages, queue.TaskID(queue.KindCut, waits.WaitingGroup().Name(), 0))
		return err == nil
	})
	s.eventually("more than a life without a beat", func() bool { return time.Since(since) > 3*time.Second })
	if alive, err := s.ledger.Alive(t.Context(), "w"); !alive {
		t.Errorf("the worker runs and is taken for dead (%v)", err)
	}
}

// Closes that hang when the process stops end with its time.
func TestStop_ClosesHang_ItReturnsInTimeAndTheOthersAreClosed(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	w := s.worker("w", client)
	inv := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, inv.ID)
	stuck := s.pkg(s.read(inv.ID).Package).Session
	other := s.admit(ledger.Express, sample.Invoice(sample.Options{
		SellerNIP: sample.NIP(1), Number: "B/1", IssueDate: invoice.Today(time.Now()),
	}))
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
		t.Error("a close that hung is not told")
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	if p := s.pkg(s.read(other.ID).Package); p.State != ledger.PackageProcessing {
		t.Errorf("the other tenant's session is %s", p.State)
	}
	// Its fence was written: whoever looks finds that close was tried.
	if p := s.pkg(s.read(inv.ID).Package); p.State != ledger.PackageClosing {
		t.Errorf("the stuck one is %s", p.State)
	}
}

// hangOnce lets the first beat of a worker hang until its caller gives it up.
type hangOnce struct{ left atomic.Int32 }

func (h *hangOnce) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *hangOnce) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "set" && strings.HasPrefix(cmd.Args()[1].(string), "ksef:worker:") && h.left.Add(-1) >= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx, cmd)
	}
}

func (h *hangOnce) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestPulse_ABeatHangs_TheNextOnesAreTried(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("beating", s.client(), func(o *tasks.Options) { o.DeadAfter = 1200 * time.Millisecond })
	if err := s.ledger.Leave(t.Context(), "beating"); err != nil { // the stage said that it lives
		t.Fatal(err)
	}
	h := &hangOnce{}
	h.left.Store(2)
	w.rdb.AddHook(h)
	w.pulse()
	s.eventually("a beat after those that hung", func() bool {
		alive, err := s.ledger.Alive(t.Context(), "beating")
		return err == nil && alive
	})
}

// A pool without time for its sweeps has one that waits, not one for each round.
func TestPulse_NobodyRunsSweeps_OneWaits(t *testing.T) {
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
	began := time.Now()
	s.eventually("three more rounds", func() bool { return time.Since(began) > 3500*time.Millisecond })
	if n := pending(); n != 1 {
		t.Errorf("%d sweeps wait", n)
	}
}

// A defect that ends in a panic is the one task's: asynq takes it, and whoever waits for the
// session opens another.
func TestSend_OpeningPanics_TheNextSendOpensAnother(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	entered, release := make(chan struct{}), make(chan struct{})
	var opens atomic.Int32
	client.opening = func() {
		if opens.Add(1) == 1 {
			close(entered)
			<-release
			panic("a defect")
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
	sends.Go(func() { _ = w.run(queue.KindSend, second.ID) })
	began := time.Now()
	s.eventually("the second to wait for the first", func() bool { return time.Since(began) > 300*time.Millisecond })
	close(release)
	s.eventually("the second to be sent", func() bool { return s.read(second.ID).State == ledger.Sent })
	sends.Wait()
	w.must(queue.KindSend, first.ID)
}
