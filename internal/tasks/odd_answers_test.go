package tasks_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// rewritten stands between the gateway and the workers that the test makes afterwards. It changes
// the answers of one operation while change is set, and counts how often that operation was called.
type rewritten struct {
	path   string
	change func(body string) string
	asked  int
}

// rewrite makes a [rewritten] for the operation whose URL contains path.
func (cl *clients) rewrite(path string, change func(string) string) *rewritten {
	cl.t.Helper()
	r := &rewritten{path: path, change: change}
	gateway := cl.sim.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.Contains(q.URL.Path, r.path) {
			gateway.ServeHTTP(w, q)
			return
		}
		r.asked++
		answer := httptest.NewRecorder()
		gateway.ServeHTTP(answer, q)
		body := answer.Body.String()
		if r.change != nil {
			body = r.change(body)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Code)
		_, _ = w.Write([]byte(body))
	}))
	cl.t.Cleanup(srv.Close)
	cl.url = srv.URL
	return r
}

// asQueued runs a task with the pauses that the queue would make, until want holds or the time is
// up.
func (a *actor) asQueued(kind queue.Kind, id string, within time.Duration, want func() bool) (last error) {
	failed := 0 // how often the task failed, as the queue counts
	for began := a.s.now(); a.s.now().Sub(began) < within && !want(); {
		last = a.run(kind, id)
		a.s.advance(retry.Delay(failed, last, nil))
		if last != nil && retry.IsFailure(last) {
			failed++
		}
	}
	return last
}

// duplicateWithoutOriginal sends an invoice that KSeF calls a duplicate without naming the
// original. The session is closed, and its answers are not read yet.
func duplicateWithoutOriginal(s *stage, w *actor) (id, pkg string) {
	s.t.Helper()
	doc := s.seeded("A/1", 1)
	s.known(w, doc)
	id = s.admit(ledger.Bulk, doc).ID
	return id, s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: id}, Lane: ledger.Bulk})
}

func TestRecover_RegisterWritesItsFlagsAsText_TheOriginalIsFound(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitOriginal}}})
	r := s.rewrite("/invoice/metadata", func(body string) string {
		return strings.NewReplacer(`"hasMore":false`, `"hasMore":"false"`, `"isTruncated":false`, `"isTruncated":"false"`).Replace(body)
	})
	w := s.worker("w", s.client())
	id, pkg := duplicateWithoutOriginal(s, w)
	last := w.asQueued(queue.KindConfirm, pkg, time.Hour, func() bool { return s.read(id).State == ledger.Accepted })
	if got := s.read(id); got.State != ledger.Accepted || r.asked == 0 {
		t.Errorf("after %d pages the invoice is %s, want accepted: %s; %v", r.asked, got.State, got.Reason, last)
	}
}

// The answers of the register cannot be read. Each of them costs one of the twenty requests that
// KSeF allows in an hour, so the pauses have to grow.
func TestRecover_RegisterCannotBeRead_PausesGrowAndTheOriginalIsFoundLater(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitOriginal}}})
	r := s.rewrite("/invoice/metadata", func(body string) string { return strings.Replace(body, `"invoices":`, `"bills":`, 1) })
	w := s.worker("w", s.client())
	id, pkg := duplicateWithoutOriginal(s, w)
	last := w.asQueued(queue.KindConfirm, pkg, 24*time.Hour, func() bool { return s.read(id).State.Final() })
	if got := s.read(id); got.State != ledger.Sent || r.asked < 10 || r.asked > 40 {
		t.Errorf("after %d pages in a day the invoice is %s, want sent after 10 to 40 pages: %s", r.asked, got.State, got.Reason)
	}
	v := retry.Judge(last)
	if v.Action != retry.Later || v.Reason != retry.ReasonUnreadable || !strings.Contains(last.Error(), "register") {
		t.Errorf("the error does not say that an answer of the register cannot be read: %v", last)
	}
	r.change = nil
	last = w.asQueued(queue.KindConfirm, pkg, 3*time.Hour, func() bool { return s.read(id).State == ledger.Accepted })
	if got := s.read(id); got.State != ledger.Accepted {
		t.Errorf("once the register can be read, the invoice is %s, want accepted: %s; %v", got.State, got.Reason, last)
	}
}

// All sessions of a tenant share the requests that KSeF allows. A session whose status cannot be
// read must leave requests for the other sessions.
func TestConfirm_StatusCannotBeRead_PolledAsRarelyAsASessionInProcessing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	r := s.rewrite("/session/status/", func(body string) string { return strings.Replace(body, `"code":`, `"kode":`, 1) })
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	r.asked = 0
	const within = 6 * time.Hour
	last := w.asQueued(queue.KindConfirm, pkg, within, func() bool { return s.read(inv.ID).State.Final() })
	if limit := int(within/time.Minute) + 30; r.asked < 10 || r.asked > limit { // confirm.max is a minute here
		t.Errorf("the status was asked %d times, want 10 to %d times: %v", r.asked, limit, last)
	}
	if v := retry.Judge(last); v.Reason != retry.ReasonUnreadable {
		t.Errorf("the task waits for %v, want it to wait because an answer is unreadable", last)
	}
	r.change = nil
	w.asQueued(queue.KindConfirm, pkg, 10*time.Minute, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if got := s.read(inv.ID); got.State != ledger.Accepted {
		t.Errorf("once the status can be read, the invoice is %s, want accepted", got.State)
	}
}

func TestReceipt_CannotBeRead_PausesBetweenRequestsGrow(t *testing.T) {
	for name, body := range map[string]string{"XML of another kind": "<receipt/>", "no XML": "{]", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			r := s.rewrite("/session/upo/", func(string) string { return body })
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			pkg := s.sent(w, inv)
			w.until(queue.KindConfirm, pkg, func() bool { s.advance(time.Second); return s.pkg(pkg).State == ledger.PackageSettled })
			r.asked = 0
			const within = 6 * time.Hour
			last := w.asQueued(queue.KindReceipt, pkg, within, func() bool { return s.read(inv.ID).State == ledger.Receipted })
			if limit := int(within/time.Minute) + 30; r.asked < 3 || r.asked > limit {
				t.Errorf("the receipt was asked for %d times, want 3 to %d times: %v", r.asked, limit, last)
			}
			r.change = nil
			w.asQueued(queue.KindReceipt, pkg, 25*time.Hour, func() bool { return s.read(inv.ID).State == ledger.Receipted })
			if got := s.read(inv.ID); got.State != ledger.Receipted {
				t.Errorf("once the receipt can be read, the invoice is %s, want receipted: %s", got.State, got.Reason)
			}
		})
	}
}
