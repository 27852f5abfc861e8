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

// The owner of a session lives but cannot close the session, because the owner's key file is gone.
// Another worker has the key and closes the session.
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
		t.Fatalf("the invoice whose answer was lost is %s, want unknown", got.State)
	}
	gone.Store(true)
	owner.pulse()
	other := s.worker("other", s.client())
	other.until(queue.KindConfirm, pkg, func() bool { return s.pkg(pkg).State != ledger.PackageOpened })
	if p := s.pkg(pkg); p.Owner != "" {
		t.Errorf("the owner of the session is %q, want nobody", p.Owner)
	}
	other.settle(pkg)
	other.must(queue.KindReceipt, pkg)
	if got := s.read(inv.ID); got.State != ledger.Receipted || got.Attempts != 1 {
		t.Errorf("the invoice is %s after %d sessions, want receipted after one: %s", got.State, got.Attempts, got.Reason)
	}
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// The owner of a session tries to close it and fails. A fault that may be over in a moment is no
// reason to leave the session to others. A fault that has lasted for minutes is such a reason.
func TestLeave_CloseFailsForAnotherReason_LeftToOthersOnlyAfterMinutes(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.sent = answerLost
	var gone atomic.Bool
	owner := s.workerWith("owner", client, func(p *tasks.Parts) {
		p.Transport = func(string) (tasks.Transport, bool) { return client, !gone.Load() } // while gone, this worker has no such tenant
	})
	inv := s.admit(ledger.Express, s.good("A/1"))
	owner.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package
	gone.Store(true)
	owner.pulse()
	s.eventually("two closes fail", func() bool { return s.log.count("cannot close idle sessions") >= 2 })
	if p := s.pkg(pkg); p.Owner != "owner" {
		t.Fatalf("after two failed closes the owner of the session is %q, want no change", p.Owner)
	}
	s.advance(4 * time.Minute)
	s.eventually("the session is left to others", func() bool { return s.pkg(pkg).Owner == "" })
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
	owner.must(queue.KindSend, lost.ID) // its answer is lost, so the session is to be closed soon
	gone.Store(true)
	owner.pulse()
	s.pulses(2)
	pkg := s.read(slow.ID).Package
	if p := s.pkg(pkg); p.Owner != "owner" || p.State != ledger.PackageOpened {
		t.Errorf("while a send is under way, the session's package is %s and its owner %q, want opened and no other owner",
			p.State, p.Owner)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := s.read(slow.ID); got.State != ledger.Sent {
		t.Errorf("the send has its answer, and the invoice is %s, want sent", got.State)
	}
	s.eventually("after the send, the session is left to others", func() bool { return s.pkg(pkg).Owner == "" })
}

// The owner of a session was restarted. The ledger has the session as open, but the memory of the
// owner has it no longer.
func TestLeave_LostSessionCannotBeClosed_IsLeftToOthers(t *testing.T) {
	s := newStage(t, simulator.Options{})
	inv := s.admit(ledger.Express, s.good("A/1"))
	s.worker("owner", s.client()).must(queue.KindSend, inv.ID)
	var gone atomic.Bool
	gone.Store(true)
	restarted := s.workerWith("owner", s.client(), losesKey(&gone), func(o *tasks.Options) { o.SweepAfter = time.Millisecond })
	restarted.pulse()
	pkg := s.read(inv.ID).Package
	s.eventually("the session is left to others", func() bool { return s.pkg(pkg).Owner == "" })
	other := s.worker("other", s.client())
	other.must(queue.KindSweep, "1")
	other.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}
