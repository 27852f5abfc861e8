package tasks_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// losesKey is for a worker whose key file is gone from the moment that sick is true.
func losesKey(sick *atomic.Bool) func(*tasks.Parts) {
	return func(p *tasks.Parts) {
		p.Fault = func(string, ...string) error {
			if !sick.Load() {
				return nil
			}
			return &retry.LaterError{
				Delay: retry.HandOver, Reason: retry.ReasonLocal, What: "left to another worker",
				Err: errors.New("no key"),
			}
		}
	}
}

// lose loses the answers to sends that were carried out.
func loseAnswer(ksef.SentInvoice, error) (ksef.SentInvoice, error) {
	return ksef.SentInvoice{}, &ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, MaybeDone: true}
}

// The owner of a session lives, and cannot close it: its key file is gone. Another worker has the
// key.
func TestDisown_KeyGoesWhileASessionIsOpen_AnotherWorkerClosesItAndTheLostAnswerIsFound(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = loseAnswer
	var sick atomic.Bool
	owner := s.workerWith("owner", client, losesKey(&sick))
	inv := s.admit(ledger.Express, s.good("A/1"))
	owner.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package
	if got := s.read(inv.ID); got.State != ledger.Unknown {
		t.Fatalf("it is %s", got.State)
	}
	sick.Store(true)
	owner.pulse()
	other := s.worker("other", s.client())
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State != ledger.PackageOpened })
	if p := s.pkg(pkg); p.Owner != "" {
		t.Errorf("its owner is %q", p.Owner)
	}
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	other.must(queue.KindReceipt, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Attempts != 1 {
		t.Errorf("it is %s after %d sessions: %s", got.State, got.Attempts, got.Reason)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}

// Whoever owns a session closes it; what will be over in a moment is no reason to leave it.
func TestDisown_AnotherFaultKeepsItFromBeingClosed_LeftToOthersOnlyWhenItLasts(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = loseAnswer
	var gone atomic.Bool
	owner := s.workerWith("owner", client, func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return client, !gone.Load() } // taken out of this worker's configuration
	})
	inv := s.admit(ledger.Express, s.good("A/1"))
	owner.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package
	gone.Store(true)
	owner.pulse()
	s.eventually("two closes to fail", func() bool { return s.log.count("cannot close idle sessions") >= 2 })
	if p := s.pkg(pkg); p.Owner != "owner" {
		t.Fatalf("after two closes its owner is %q", p.Owner)
	}
	s.advance(4 * time.Minute)
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
	other := s.worker("other", s.client())
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State != ledger.PackageOpened })
}

// A session that another worker closes under a send would cost that send its place.
func TestDisown_ASendIsUnderWay_SessionIsKeptUntilItHasItsAnswer(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	var sick atomic.Bool
	owner := s.workerWith("owner", client, losesKey(&sick))
	slow, lost := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	arrived, answer := make(chan struct{}), make(chan struct{})
	var sends atomic.Int32
	client.sent = func(got ksef.SentInvoice, err error) (ksef.SentInvoice, error) {
		if sends.Add(1) > 1 {
			return loseAnswer(got, err)
		}
		close(arrived)
		<-answer
		return got, err
	}
	done := make(chan error, 1)
	go func() { done <- owner.run(queue.KindSend, slow.ID) }()
	<-arrived
	owner.must(queue.KindSend, lost.ID) // the session is dropped, to be closed soon
	sick.Store(true)
	owner.pulse()
	since := time.Now()
	s.eventually("two looks of the pulse", func() bool { return time.Since(since) > 2500*time.Millisecond })
	pkg := s.read(slow.ID).Package
	if p := s.pkg(pkg); p.Owner != "owner" || p.State != ledger.PackageOpened {
		t.Errorf("while a send is under way it is %s, its owner %q", p.State, p.Owner)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := s.read(slow.ID); got.State != ledger.Sent {
		t.Errorf("the send has its answer, and it is %s", got.State)
	}
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
}

// The session is open in the ledger alone: a failover took back what its owner wrote.
func TestDisown_ForgottenSessionCannotBeClosed_ItIsLeftToOthers(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Express, s.good("A/1"))
	s.worker("owner", s.client()).must(queue.KindSend, inv.ID)
	var sick atomic.Bool
	sick.Store(true)
	forgetful := s.workerWith("owner", s.client(), losesKey(&sick), func(o *tasks.Options) { o.SweepAfter = time.Millisecond })
	forgetful.pulse()
	pkg := s.read(inv.ID).Package
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
	other := s.worker("other", s.client())
	other.must(queue.KindSweep, "1")
	other.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}
