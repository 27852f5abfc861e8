package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// These tests are about what a session may do after the worker called close.

// A session is in processing (150, or 170 for an online session) for a whole night. This does not
// count as a failure. The pauses grow, and no attempt is counted. As soon as KSeF has processed the
// session, the invoice is settled. The invoice does not go in a second session.
func TestSession_StaysInProcessingForHours_PausesGrowAndItIsSettledOnce(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			const night = 9 * time.Hour
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Stuck, For: night}}})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.ConfirmFirst, o.ConfirmMax = 5*time.Second, 10*time.Minute })
			inv := s.admit(lane, s.good("A/1"))
			pkg := s.sent(w, inv)
			began, longest := s.now(), time.Duration(0)
			for s.now().Sub(began) < night-10*time.Minute {
				v := retry.Judge(w.run(queue.KindConfirm, pkg))
				shorter := 2*v.Delay < longest-2*time.Second // over a second less than half of the longest pause so far
				if v.Action != retry.Later || v.Reason != retry.ReasonProcessing || shorter {
					t.Fatalf("after %v the verdict is %+v, want later because of processing, after about half of the longest pause (%v) or more",
						s.now().Sub(began), v, longest)
				}
				longest = max(longest, v.Delay)
				if got := s.read(inv.ID); got.State != ledger.Sent {
					t.Fatalf("after %v the invoice is %s, want sent: %s", s.now().Sub(began), got.State, got.Reason)
				}
				s.advance(v.Delay)
			}
			if longest < 9*time.Minute {
				t.Errorf("in a night the longest pause was %v, want at least 9m", longest)
			}
			if n := s.sim.Books().Requests["sessionMisc"]; n > 100 {
				t.Errorf("the session was polled %d times in nine hours, want at most 100", n)
			}
			got, _ := s.final(w, pkg, inv.ID)
			if got.State != ledger.Accepted || got.Attempts != 1 || got.Resends+got.FailedSessions != 0 {
				t.Errorf("in the morning the invoice is %s after %d sessions, want accepted after one: %s",
					got.State, got.Attempts, got.Reason)
			}
			if b := s.sim.Books(); len(b.Sessions) != 1 || len(b.Accepted) != 1 {
				t.Errorf("%d sessions, KSeF accepted %d invoices, want one each", len(b.Sessions), len(b.Accepted))
			}
		})
	}
}

// No request to close the session arrives, so KSeF cancels the session when its time is over (440).
// The code alone does not prove that KSeF has nothing of the session. But KSeF also says nothing
// about the session's invoices, and after a minute of silence they go in another session.
func TestSession_CloseNeverArrivesAndItIsCancelled_InvoicesGoInANewSession(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.DropRequest, On: "close", Times: 2}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	// The session is still open, so the worker closes it again. The second request is lost too.
	if v := retry.Judge(w.run(queue.KindConfirm, pkg)); v.Action != retry.Later {
		t.Fatalf("the verdict is %+v, want later", v)
	}
	if got := s.read(inv.ID); got.Package != pkg || got.State != ledger.Sending {
		t.Fatalf("before the session has ended, the invoice is %s in %s, want sending in the first package", got.State, got.Package)
	}
	s.advance(13 * time.Hour)
	w.untilSilent(pkg, func() bool { return !s.pkg(pkg).State.Live() })
	second := s.read(inv.ID).Package
	if p := s.pkg(pkg); second == pkg || p.State != ledger.PackageFailed || p.Code != 440 {
		t.Fatalf("the cancelled package is %s with code %d, want failed with 440; the invoice is in %s, want another package",
			p.State, p.Code, second)
	}
	w.must(queue.KindPackage, second)
	w.until(queue.KindConfirm, second, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// KSeF rotated its key after the client had fetched the old one. So the session ends with 415. The
// next session has the new key.
func TestSession_KeyNotDecrypted_TheNextSessionHasAFreshKey(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.clientWithOldKey())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	first := s.sent(w, inv)
	w.until(queue.KindConfirm, first, func() bool { return s.read(inv.ID).Package != first })
	if p := s.pkg(first); p.State != ledger.PackageFailed || p.Code != 415 {
		t.Fatalf("the first package is %s with code %d, want failed with 415", p.State, p.Code)
	}
	second := s.read(inv.ID).Package
	w.must(queue.KindPackage, second)
	if got, _ := s.final(w, second, inv.ID); got.State != ledger.Accepted || got.Resends != 0 {
		t.Errorf("the invoice is %s, want accepted without a resend: %s", got.State, got.Reason)
	}
}

// The sessions of a package end with 415 again and again. No invoice in the package is at fault.
// The package stays whole, no invoice is parked, and the next send waits for a pause.
func TestSession_KeyNotDecryptedManyTimes_SamePackageWaitsAndNothingIsParked(t *testing.T) {
	const times = 6
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
		Kind: simulator.SessionRefused, Lane: "batch", Code: 415, Times: times,
	}}})
	w := s.worker("w", s.client())
	one, two := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := w.together(one, two)
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	for i := range times {
		s.advance(time.Minute)
		w.must(queue.KindPackage, pkg)
		w.until(queue.KindConfirm, pkg, func() bool { return s.read(one.ID).Package != pkg })
		pkg = s.read(one.ID).Package
		if got := s.read(two.ID).Package; got != pkg {
			t.Fatalf("after %d refusals the two invoices are in the packages %s and %s, want them in one", i+1, pkg, got)
		}
		task, err := inspect.GetTaskInfo(queue.QueuePackages, queue.TaskID(queue.KindPackage, pkg, 0))
		if waits := err == nil && task.State == asynq.TaskStateScheduled; waits != (i > 0) {
			t.Errorf("after %d refusals, the next send waits for a pause: %v, want %v; %v", i+1, waits, i > 0, err)
		}
	}
	s.advance(time.Minute)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool {
		return s.read(one.ID).State == ledger.Accepted && s.read(two.ID).State == ledger.Accepted
	})
}

// Code 445 means that a session has no valid invoices. Such a session has ended, and it has an
// answer for every invoice.
func TestSession_NoValidInvoices_EachIsRejectedWithItsOwnCode(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			var invs []ledger.Invoice
			for i := range 3 {
				invs = append(invs, s.admit(lane, s.bad(fmt.Sprint("A/", i))))
			}
			pkg := s.sent(w, invs...)
			w.settle(pkg)
			w.must(queue.KindReceipt, pkg)
			for _, inv := range invs {
				got := s.read(inv.ID)
				if got.State != ledger.Rejected || got.Code != 450 || got.Reason == "" {
					t.Errorf("%s is %s with code %d, want rejected with 450 and a reason: %s", got.Number, got.State, got.Code, got.Reason)
				}
				if r := s.result(got); r.State != "rejected" || r.Code != 450 {
					t.Errorf("the archived result is %+v, want rejected with 450", r)
				}
			}
			if b := s.sim.Books(); len(b.Sessions) != 1 || b.Sessions[0].Status != 445 {
				t.Errorf("the sessions are %+v, want one that ended with 445", b.Sessions)
			}
		})
	}
}
