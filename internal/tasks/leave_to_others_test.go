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

// losesKey makes a worker behave as if its key file were gone, while gone is true.
func losesKey(gone *atomic.Bool) func(*tasks.Parts) {
	return func(p *tasks.Parts) {
		p.Fault = func(string, ...string) error {
			if !gone.Load() {
				return nil
			}
			return &retry.LaterError{
				Delay: retry.HandOver, Reason: retry.ReasonLocal, What: "left to another worker",
				Err: errors.New("no key"),
			}
		}
	}
}

// The owner of a session lives and cannot close it, because its key file is gone. Another worker
// has the key.
func TestLeave_KeyFileGoneWhileASessionIsOpen_AnotherWorkerClosesItAndFindsTheLostAnswer(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = answerLost
	var gone atomic.Bool
	owner := s.workerWith("owner", client, losesKey(&gone))
	inv := s.admit(ledger.Express, s.good("A/1"))
	owner.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package
	if got := s.read(inv.ID); got.State != ledger.Unknown {
		t.Fatalf("it is %s, want unknown", got.State)
	}
	gone.Store(true)
	owner.pulse()
	other := s.worker("other", s.client())
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State != ledger.PackageOpened })
	if p := s.pkg(pkg); p.Owner != "" {
		t.Errorf("its owner is %q, want nobody", p.Owner)
	}
	other.settle(pkg)
	other.must(queue.KindReceipt, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Attempts != 1 {
		t.Errorf("it is %s after %d sessions: %s", got.State, got.Attempts, got.Reason)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// The owner of a session closes it. A fault that may be over in a moment is no reason to leave the
// session to others. A fault that has lasted for minutes is such a reason.
func TestLeave_CloseFailsForAnotherReason_LeftToOthersOnlyAfterMinutes(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = answerLost
	var gone atomic.Bool
	owner := s.workerWith("owner", client, func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return client, !gone.Load() } // removed from the configuration of this worker
	})
	inv := s.admit(ledger.Express, s.good("A/1"))
	owner.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package
	gone.Store(true)
	owner.pulse()
	s.eventually("two closes fail", func() bool { return s.log.count("cannot close idle sessions") >= 2 })
	if p := s.pkg(pkg); p.Owner != "owner" {
		t.Fatalf("after two closes its owner is %q", p.Owner)
	}
	s.advance(4 * time.Minute)
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
	other := s.worker("other", s.client())
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State != ledger.PackageOpened })
}

// No other worker may close a session while a send into it is under way.
func TestLeave_ASendIsUnderWay_SessionIsKeptUntilItsAnswer(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	var gone atomic.Bool
	owner := s.workerWith("owner", client, losesKey(&gone))
	slow, lost := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	arrived, answer := make(chan struct{}), make(chan struct{})
	var sends atomic.Int32
	client.sent = func(got ksef.SentInvoice, err error) (ksef.SentInvoice, error) {
		if sends.Add(1) > 1 {
			return answerLost(got, err)
		}
		close(arrived)
		<-answer
		return got, err
	}
	done := make(chan error, 1)
	go func() { done <- owner.run(queue.KindSend, slow.ID) }()
	<-arrived
	owner.must(queue.KindSend, lost.ID) // its answer is lost, so the session is closed soon
	gone.Store(true)
	owner.pulse()
	s.pulses(2)
	pkg := s.read(slow.ID).Package
	if p := s.pkg(pkg); p.Owner != "owner" || p.State != ledger.PackageOpened {
		t.Errorf("while a send is under way it is %s, its owner %q", p.State, p.Owner)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := s.read(slow.ID); got.State != ledger.Sent {
		t.Errorf("the send has its answer, and the invoice is %s, want sent", got.State)
	}
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
}

// The session is open in the ledger, but the owner's process does not hold it any more.
func TestLeave_LostSessionCannotBeClosed_IsLeftToOthers(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Express, s.good("A/1"))
	s.worker("owner", s.client()).must(queue.KindSend, inv.ID)
	var gone atomic.Bool
	gone.Store(true)
	restarted := s.workerWith("owner", s.client(), losesKey(&gone), func(o *tasks.Options) { o.SweepAfter = time.Millisecond })
	restarted.pulse()
	pkg := s.read(inv.ID).Package
	s.eventually("it is left to others", func() bool { return s.pkg(pkg).Owner == "" })
	other := s.worker("other", s.client())
	other.must(queue.KindSweep, "1")
	other.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}
