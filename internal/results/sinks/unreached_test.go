package sinks

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The receiver takes no results of two tenants. Then no connection to it can be made. That has
// nothing to do with a tenant, so no further tenant is out, and the results of all tenants wait.
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
		t.Errorf("the state is %+v, and the receiver is out for %d tenants, want it away and pausing, %d probes, and out for 2",
			st, w.outTenants(), probes)
	}
	if !strings.Contains(w.state().Err, "not reached") {
		t.Errorf("the error of the receiver is %q, want it to say that the receiver was not reached", w.state().Err)
	}
	w.pass(30 * time.Minute)
	w.busy(well)
	o.want(ids[10+2*40:], "rejected") // the results of the other tenants
	if st := w.state(); st.Outage != 0 || st.Away {
		t.Errorf("the outage should be over: %+v", st)
	}
	if again := o.total() - 4*40 - cost; again != 0 {
		t.Errorf("the receiver got %d calls for the two tenants within the hour that it asked for, want none", again)
	}
	o.sickFor()
	for range 90 {
		w.pass(time.Minute)
		w.busy(well)
	}
	o.want(ids, "rejected")
}

// Only a failure before the receiver can see a result concerns all tenants.
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
				t.Errorf("Deliver = %v (%+v), want an outage with Unreached %v", err, out, c.unreached)
			}
		})
	}
	close(over)
}
