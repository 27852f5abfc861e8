package sinks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// office is an HTTP receiver of the results of several tenants. What it is told is kept by id.
type office struct {
	t      *testing.T
	mu     sync.Mutex
	calls  map[string]int      // by tenant
	told   map[string][]string // the states that it took, by id
	answer func(*told) (status int, after string)
}

// told is the part of a result that an office looks at.
type told struct {
	ID, Tenant, State string
}

func (o *office) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var m told
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		o.t.Error(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[m.Tenant]++
	status, after := o.answer(&m)
	if after != "" {
		rw.Header().Set("Retry-After", after)
	}
	if status < 300 {
		o.told[m.ID] = append(o.told[m.ID], m.State)
	}
	rw.WriteHeader(status)
}

// sickFor lets the office answer 503 for these tenants, and ask for an hour. For others it is well.
func (o *office) sickFor(tenants ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = func(m *told) (int, string) {
		if slices.Contains(tenants, m.Tenant) {
			return http.StatusServiceUnavailable, "3600"
		}
		return http.StatusOK, ""
	}
}

// total returns how many calls the office got.
func (o *office) total() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, calls := range o.calls {
		n += calls
	}
	return n
}

// want checks that the office took each of these invoices once, with these states.
func (o *office) want(ids []string, states string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if got := strings.Join(o.told[id], " "); got != states {
			o.t.Fatalf("%s was told as %q, want %q", id, got, states)
		}
	}
}

// newOffice returns an office that is well, and the runner of the webhook that calls it.
func newOffice(t *testing.T, w *world) (*office, *Runner) {
	t.Helper()
	o := &office{t: t, calls: map[string]int{}, told: map[string][]string{}}
	o.sickFor()
	r := w.runner(hook(t, o.ServeHTTP))
	r.Batch = WebhookBatch
	return o, r
}

func tenants(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("t", i))
	}
	return names
}

// busy serves the receiver as the worker does: while it has work.
func (w *world) busy(r *Runner) {
	w.t.Helper()
	for range 100 {
		span, err := w.Outbox(w.t.Context())
		w.must(err)
		work, err := r.HasWork(w.t.Context(), span)
		if w.must(err); !work {
			return
		}
		w.run(r)
	}
	w.t.Fatal("its work never ends")
}

// The receiver answers 503 for two tenants of six, or for five, and asks for an hour. Their results
// come first.
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
			w.busy(r) // at the same moment
			o.want(well, "rejected")
			first := o.total()
			if again := first - len(well) - cost; cost > WebhookBatch+3*n || again != 0 {
				t.Errorf("the tenants that it does not take cost %d calls, and %d more before the hour was over", cost, again)
			}
			if st := w.state(); st.Outage != 0 || w.outTenants() != n {
				t.Errorf("%+v, out for %d tenants", st, w.outTenants())
			}
			w.move(sick[0], ledger.Queued, ledger.Parked)
			w.move(well[0], ledger.Queued, ledger.Parked)
			for range 59 {
				w.pass(time.Minute)
				w.busy(r)
				o.want(well[:1], "rejected parked")
			}
			if calls := o.total() - first; calls != 1 {
				t.Errorf("%d calls within the hour that it asked for, want that of the new result", calls)
			}
			w.pass(2 * time.Minute)
			w.busy(r) // it refuses again what it is known to refuse
			if st := w.state(); st.Outage != 0 || w.outTenants() != n {
				t.Errorf("after an hour: %+v, out for %d tenants", st, w.outTenants())
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
				t.Errorf("%d held, %d failed, %v, %+v", held, failed, w.standings(), w.state())
			}
		})
	}
}

// The receiver answers 503 to everything. Each tenant costs one call, then each pause does.
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
				t.Errorf("%d calls at once", n)
			}
			r.Pause = nil // the real one
			first := o.total()
			for range 24 * 12 {
				w.pass(5 * time.Minute)
				ids = append(ids, w.rejectedOf(names[0], 1)...)
				w.busy(r)
			}
			if n := o.total() - first; n < 24 || n > 3*4*24 {
				t.Errorf("%d calls in a day", n)
			}
			if st := w.state(); st.Outage == 0 || st.Away || w.outTenants() != len(names) {
				t.Errorf("%+v, out for %d tenants", st, w.outTenants())
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
				t.Errorf("%d held, %d failed, %v, %+v", held, failed, w.standings(), w.state())
			}
		})
	}
}

// Nobody answers the connection. That is no tenant's fault, and concerns all.
func TestRun_ReceiverIsNotReached_NoTenantIsOutAndAllWait(t *testing.T) {
	w, names := newWorld(t, 10_000), tenants(6)
	o, well := newOffice(t, w)
	o.sickFor(names[0], names[1])
	ids := append(w.rejectedOf(names[0], 5), w.rejectedOf(names[1], 5)...)
	w.busy(well)
	cost := o.total()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	away := w.runner(hook(t, http.NotFound, func(o *WebhookOptions) { o.URL = closed.URL }))
	for _, name := range names {
		ids = append(ids, w.rejectedOf(name, 40)...)
	}
	w.busy(away)
	probes := w.state().Probes
	w.busy(away)
	if st := w.state(); !st.Away || st.Probes != probes || !Pauses(st.Next, w.now()) || w.outTenants() != 2 {
		t.Errorf("%+v, out for %d tenants", st, w.outTenants())
	}
	if !strings.Contains(w.state().Err, "not reached") {
		t.Errorf("it says %q", w.state().Err)
	}
	w.pass(30 * time.Minute)
	w.busy(well)
	o.want(ids[10+2*40:], "rejected") // those of the other tenants
	if st := w.state(); st.Outage != 0 || st.Away {
		t.Errorf("%+v", st)
	}
	if again := o.total() - 4*40 - cost; again != 0 {
		t.Errorf("%d calls for the two tenants within the hour that it asked for", again)
	}
	o.sickFor()
	for range 90 {
		w.pass(time.Minute)
		w.busy(well)
	}
	o.want(ids, "rejected")
}

// The receiver refuses five of sixteen results of each tenant, for several reasons, and takes the
// others. It goes on refusing them.
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
		w.busy(r) // at the same moment
		o.want(good, "rejected")
		for range 10 { // meanwhile nothing but what it refuses is tried
			w.pass(time.Minute)
			w.busy(r)
			if st := w.state(); st.Outage != 0 || w.outTenants() != 0 || !strings.HasPrefix(st.Err, "answered ") {
				t.Fatalf("%+v, out for %d tenants", st, w.outTenants())
			}
		}
	}
	if n, _ := w.counts(); n != int64(held) {
		t.Errorf("%d held, want %d", n, held)
	}
	clear(bad)
	for range 60 {
		w.pass(time.Minute)
		w.busy(r)
	}
	if n, failed := w.counts(); n+failed != 0 || len(o.told) != 5*3*16 {
		t.Errorf("%d held, %d failed, %d told", n, failed, len(o.told))
	}
}

// The receiver answers 503 to results without a tenant, and asks for an hour. They cannot be left
// behind in the outbox.
func TestRun_OutForResultsWithoutATenant_TenantsAreToldAtOnce(t *testing.T) {
	w := newWorld(t, 10_000)
	o, r := newOffice(t, w)
	o.sickFor("")
	var nobodys []string
	refuse := func(from, n int) {
		var docs []ledger.Refusal
		for i := range n {
			docs = append(docs, refused("", numbered(from+i), "must be XML"))
			nobodys = append(nobodys, docs[i].ID)
		}
		w.must(w.Refuse(t.Context(), docs))
	}
	refuse(0, 5)
	w.busy(r)
	refuse(100, 50)
	well := append(w.rejectedOf("one", 3), w.rejectedOf("two", 40)...)
	calls := o.total()
	w.busy(r) // at the same moment
	o.want(well, "rejected")
	if n := o.total() - calls; n != len(well) {
		t.Errorf("%d calls for %d results", n, len(well))
	}
	if held, _ := w.counts(); held != int64(len(nobodys)) || w.state().Outage != 0 {
		t.Errorf("%d held, %+v", held, w.state())
	}
	o.sickFor()
	for range 90 {
		w.pass(time.Minute)
		w.busy(r)
	}
	o.want(nobodys, "refused")
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 {
		t.Errorf("%d held, %d failed, %v", held, failed, w.standings())
	}
}

// More results without a tenant come than can be put aside. None of them is given up for that.
func TestRun_TooManyWithoutATenantToPutAside_KeepTheirPlace(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(out(time.Hour))
	r := w.runner(s)
	r.Held = 20
	var docs []ledger.Refusal
	for n := range 60 {
		docs = append(docs, refused("", numbered(n), "must be XML"))
	}
	w.must(w.Refuse(t.Context(), docs[:5]))
	w.run(r)
	w.must(w.Refuse(t.Context(), docs[5:]))
	w.run(r)
	if held, failed := w.counts(); held != 20 || failed != 0 || s.calls != 1 {
		t.Errorf("%d held, %d failed, %d calls", held, failed, s.calls)
	}
	s.answer = nil
	w.minutes(r, 90)
	for i := range docs {
		if got := s.states(docs[i].ID); got != "refused" {
			t.Errorf("document %d was told as %q", i, got)
		}
	}
	if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Outage != 0 {
		t.Errorf("%d held, %d failed, %v, %+v", held, failed, w.standings(), w.state())
	}
}

// What concerns all tenants is only what happens before the receiver can see a result.
func TestWebhook_NoAnswer_SaysWhetherItWasReached(t *testing.T) {
	over := make(chan struct{})
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers the handshake
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	soon := func(o *WebhookOptions) { o.Timeout = 300 * time.Millisecond }
	at := func(url string) func(*WebhookOptions) { return func(o *WebhookOptions) { o.URL = url } }
	for what, c := range map[string]struct {
		hook      *Webhook
		unreached bool
	}{
		"hangs":       {hook(t, hangs, soon), false},
		"breaks off":  {hook(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), false},
		"no port":     {hook(t, hangs, at("http://127.0.0.1:1/")), true},
		"no name":     {hook(t, hangs, at("http://erp.invalid/")), true},
		"no TLS":      {hook(t, hangs, soon, at("https://"+silent.Addr().String())), true},
		"bad address": {hook(t, hangs, at("http://169.254.169.254/")), true},
		"no secret": {hook(t, hangs, func(o *WebhookOptions) {
			o.Secrets = func() ([]string, error) { return nil, errors.New("no file") }
		}), true},
	} {
		t.Run(what, func(t *testing.T) {
			err := c.hook.Deliver(t.Context(), []Message{message("inv-a")})[0]
			if out, ok := errors.AsType[*OutageError](err); !ok || out.Unreached != c.unreached {
				t.Errorf("%v: %+v", err, out)
			}
		})
	}
	close(over)
}
