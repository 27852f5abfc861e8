package sinks

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
)

func TestWanted_TenantsNamesAndNIPs_SayWhoGetsAResult(t *testing.T) {
	known := map[string]string{"A": "1", "BB": "2", "C1": "3", "C2": "3"}
	for what, c := range map[string]struct {
		of          []string
		tenant, nip string
		want        want
	}{
		"a receiver of all gets a tenant that has gone": {nil, "B", "2", yes},
		"its own tenant": {[]string{"BB"}, "BB", "2", yes},
		"another tenant": {[]string{"BB"}, "A", "1", no},
		"another tenant that sends for the same seller":   {[]string{"BB"}, "A", "2", no},
		"the old name of its tenant":                      {[]string{"BB"}, "B", "2", yes},
		"its tenant, under the NIP that was its name":     {[]string{"BB"}, "2", "9", yes},
		"the old name of another tenant":                  {[]string{"A"}, "B", "2", no},
		"a tenant that was removed":                       {[]string{"A"}, "D", "4", no},
		"a tenant that was removed, and its NIP unknown":  {[]string{"A"}, "D", "", unsure},
		"the old name of one of two tenants with the NIP": {[]string{"C1"}, "C", "3", unsure},
		"the old name of one of two tenants that it gets": {[]string{"C1", "C2"}, "C", "3", yes},
		"a document of no tenant":                         {[]string{"BB"}, "", "2", no},
	} {
		w := Wanted{Tenants: c.of, Known: known}
		if got := w.of(c.tenant, c.nip); got != c.want {
			t.Errorf("%s: whether the receiver gets the result is %d, want %d (0 is no, 1 yes, 2 unsure)", what, got, c.want)
		}
	}
}

// behind makes five results of a tenant that are held for the receiver, and five more that wait in
// the outbox, because the receiver is out.
func (w *world) behind(r *Runner, s *stub, tenant string) (ids []string) {
	w.t.Helper()
	s.answer = func(*Message) error { return errors.New("answered 422") }
	ids = w.rejectedOf(tenant, 5)
	w.run(r)
	s.answer = func(*Message) error { return out(0) }
	w.pass(time.Hour)
	w.run(r)
	ids = append(ids, w.rejectedOf(tenant, 5)...)
	w.run(r)
	return ids
}

// A person renames a tenant while a receiver is out. The results carry the old name, and they are
// told because their NIP is that of the renamed tenant. All invoices of these tests have the same
// NIP.
func TestRun_TenantIsRenamedWhileTheReceiverIsOut_ItsResultsAreTold(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	r.Wants = Wanted{Tenants: []string{"B"}, Known: map[string]string{"A": "1111111111", "B": "5265877635"}}
	ids := w.behind(r, s, "B")
	r.Wants = Wanted{Tenants: []string{"BB"}, Known: map[string]string{"A": "1111111111", "BB": "5265877635"}}
	s.answer = nil
	w.must(Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp"))
	w.minutes(r, 30)
	w.wantTold(s, ids)
	if held, failed := w.counts(); held+failed != 0 || w.state().Lost != 0 || len(w.standings()) != 0 {
		t.Errorf("%d results are held, %d given up; the state is %+v, the standings %v; want nothing left to tell",
			held, failed, w.state(), w.standings())
	}
}

// The tenant has gone from the configuration, and no other tenant there has its NIP. So nobody
// knows to whom the tenant's results belong now. They are not dropped. They are held with this
// reason, and told if the name comes back. Otherwise they are given up after three days.
func TestRun_TenantHasGoneWhileTheReceiverIsOut_ItsResultsAreHeldThenGivenUp(t *testing.T) {
	for _, back := range []bool{true, false} {
		w, s := newWorld(t, 10_000), &stub{}
		var log bytes.Buffer
		r := w.runner(s)
		r.Log = zerolog.New(&log)
		before := Wanted{Tenants: []string{"A", "B"}, Known: map[string]string{"A": "1111111111", "B": "5265877635"}}
		r.Wants = before
		ids := w.behind(r, s, "B")
		r.Wants = Wanted{Tenants: []string{"A"}, Known: map[string]string{"A": "1111111111"}}
		s.answer = nil
		w.must(Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp"))
		w.minutes(r, 60)
		if held, failed := w.counts(); held != 10 || failed != 0 || len(s.took) != 0 {
			t.Fatalf("%d results are held, %d given up, %d told, want 10, none and none", held, failed, len(s.took))
		}
		if n := strings.Count(log.String(), "has no tenant of this name any more"); n == 0 || n > 10 {
			t.Errorf("the log says %d times that the tenant has gone, want 1 to 10", n)
		}
		if back {
			r.Wants = before
			w.minutes(r, 60)
			w.wantTold(s, ids)
			continue
		}
		for range 4 {
			w.pass(25 * time.Hour)
			w.minutes(r, 60)
		}
		failed, err := w.Failed(t.Context(), "erp", ledger.MaxFailed)
		if w.must(err); len(failed) != 10 || failed[0].Err != errTenantGone.Error() {
			t.Errorf("%d results were given up, want 10: %+v", len(failed), failed)
		}
		if !strings.Contains(log.String(), "this result was not taken in three days and is not tried any more") {
			t.Error("the log does not say that the results were given up")
		}
	}
}

// A receiver no longer gets the results of a tenant, and the configuration still has the tenant. So
// the tenant's results are no longer held for the receiver.
func TestRun_ReceiverNoLongerGetsATenant_NothingOfItIsHeld(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	known := map[string]string{"A": "1111111111", "B": "5265877635"}
	r.Wants = Wanted{Tenants: []string{"A", "B"}, Known: known}
	w.behind(r, s, "B")
	r.Wants = Wanted{Tenants: []string{"A"}, Known: known}
	s.answer = nil
	w.must(Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp"))
	w.minutes(r, 30)
	if held, failed := w.counts(); held+failed != 0 || len(s.took) != 0 {
		t.Errorf("%d results are held, %d given up, %d told, want none of each", held, failed, len(s.took))
	}
}
