package sinks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// office is an HTTP receiver of the results of several tenants. It counts its calls and keeps the
// states that it took.
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

// sickFor lets the office answer 503 for these tenants, and ask for an hour. It takes the results
// of all other tenants.
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

// want checks the results that the office took of each of these invoices. They must have exactly
// these states, in this order.
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

// busy serves the receiver as the worker does: while there is work for the receiver.
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
	w.t.Fatal("after 100 runs there is still work for the receiver")
}
