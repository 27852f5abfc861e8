package sinks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// The receiver answers 503 for two of six tenants, or for five of them, and asks for a pause of an
// hour. Their results come first in the outbox, and the other tenants' results do not wait for
// them.
func TestRun_OutForSeveralTenants_OthersAreToldAtOnce(t *testing.T) {
	for _, n := range []int{2, 5} {
		t.Run(fmt.Sprint(n, " of 6"), func(t *testing.T) {
			w, names := newWorld(t, 10_000), tenants(6)
			o, r := newOffice(t, w)
			o.sickFor(names[:n]...)
			var sick, well []string
			for range 30 {
				for _, name := range names[:n] {
					sick = append(sick, w.rejectedOf(name, 1)...)
				}
			}
			w.busy(r)
			cost := o.total()
			for _, name := range names[n:] {
				well = append(well, w.rejectedOf(name, 40)...)
			}
			w.busy(r) // again, and no time has passed
			o.want(well, "rejected")
			first := o.total()
			if again := first - len(well) - cost; cost > WebhookBatch+3*n || again != 0 {
				t.Errorf("the sick tenants cost %d calls at first, want at most %d, and %d more before the hour was over, want none",
					cost, WebhookBatch+3*n, again)
			}
			if st := w.state(); st.Outage != 0 || w.outTenants() != n {
				t.Errorf("the state is %+v, and the receiver is out for %d tenants, want %d and no outage", st, w.outTenants(), n)
			}
			w.move(sick[0], ledger.Queued, ledger.Parked)
			w.move(well[0], ledger.Queued, ledger.Parked)
			for range 59 {
				w.pass(time.Minute)
				w.busy(r)
				o.want(well[:1], "rejected parked")
			}
			if calls := o.total() - first; calls != 1 {
				t.Errorf("the receiver got %d calls within the hour that it asked for, want one, for the well tenant's new result", calls)
			}
			w.pass(2 * time.Minute)
			w.busy(r) // the receiver refuses again what it refused before
			if st := w.state(); st.Outage != 0 || w.outTenants() != n {
				t.Errorf("after an hour the state is %+v, and the receiver is out for %d tenants, want %d and no outage",
					st, w.outTenants(), n)
			}
			o.sickFor()
			for range 90 {
				w.pass(time.Minute)
				w.busy(r)
			}
			o.want(sick[1:], "rejected")
			o.want(sick[:1], "rejected parked")
			o.want(well[1:], "rejected")
			if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Lost != 0 {
				t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
					held, failed, w.standings(), w.state())
			}
		})
	}
}

// The receiver answers 503 to everything. At first each tenant costs a few calls. After that there
// is about one call for each pause.
func TestRun_OutForAllTenants_IsCalledLittle(t *testing.T) {
	for what, after := range map[string]string{"asks for an hour": "3600", "asks for nothing": ""} {
		t.Run(what, func(t *testing.T) {
			w, names := newWorld(t, 10_000), tenants(20)
			o, r := newOffice(t, w)
			o.answer = func(*told) (int, string) { return http.StatusServiceUnavailable, after }
			var ids []string
			for _, name := range names {
				ids = append(ids, w.rejectedOf(name, 40)...)
			}
			w.busy(r)
			if n := o.total(); n > WebhookBatch+3*len(names) {
				t.Errorf("the receiver got %d calls at once, want at most %d", n, WebhookBatch+3*len(names))
			}
			r.Pause = nil // from now on the real pauses
			first := o.total()
			for range 24 * 12 {
				w.pass(5 * time.Minute)
				ids = append(ids, w.rejectedOf(names[0], 1)...)
				w.busy(r)
			}
			if n := o.total() - first; n < 24 || n > 3*4*24 {
				t.Errorf("the receiver got %d calls in a day, want %d to %d", n, 24, 3*4*24)
			}
			if st := w.state(); st.Outage == 0 || st.Away || w.outTenants() != len(names) {
				t.Errorf("the state is %+v, and the receiver is out for %d tenants, want an outage of a receiver that answers, and %d",
					st, w.outTenants(), len(names))
			}
			later := w.rejectedOf("new", 3)
			o.sickFor()
			w.busy(r)
			o.want(later, "rejected") // a tenant that was not tried before
			for range 90 {
				w.pass(time.Minute)
				w.busy(r)
			}
			o.want(ids, "rejected")
			if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Lost != 0 {
				t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
					held, failed, w.standings(), w.state())
			}
		})
	}
}

// The receiver goes on refusing five of sixteen results of each tenant, for several reasons, and
// takes the other eleven. So the receiver is not out.
func TestRun_SomeResultsOfEachTenantAreRefused_IsNotOut(t *testing.T) {
	w, names := newWorld(t, 10_000), tenants(3)
	o, r := newOffice(t, w)
	bad := map[string]int{}
	o.answer = func(m *told) (int, string) {
		switch status := bad[m.ID]; status {
		case 0:
			return http.StatusOK, ""
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			return status, "120"
		default:
			return status, ""
		}
	}
	held := 0
	for range 5 {
		var good []string
		for _, name := range names {
			ids := w.rejectedOf(name, 16)
			for i, status := range []int{422, 500, 503, 429, 500} {
				bad[ids[3*i]] = status
				held++
			}
			for _, id := range ids {
				if bad[id] == 0 {
					good = append(good, id)
				}
			}
		}
		w.busy(r) // no time has passed since the results came
		o.want(good, "rejected")
		for range 10 { // meanwhile only the refused results are tried
			w.pass(time.Minute)
			w.busy(r)
			if st := w.state(); st.Outage != 0 || w.outTenants() != 0 || !strings.HasPrefix(st.Err, "answered ") {
				t.Fatalf("the state is %+v, and the receiver is out for %d tenants, want no outage, 0 tenants, and the last answer in Err",
					st, w.outTenants())
			}
		}
	}
	if n, _ := w.counts(); n != int64(held) {
		t.Errorf("%d results are held, want %d", n, held)
	}
	clear(bad)
	for range 60 {
		w.pass(time.Minute)
		w.busy(r)
	}
	if n, failed := w.counts(); n+failed != 0 || len(o.told) != 5*3*16 {
		t.Errorf("%d results are held, %d given up, %d told, want none, none and all %d", n, failed, len(o.told), 5*3*16)
	}
}
