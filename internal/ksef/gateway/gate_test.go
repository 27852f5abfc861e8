package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

// recordingGate records the group of each request that enters, and each outcome that it is told.
type recordingGate struct {
	refuse error

	mu      sync.Mutex
	entered []ksef.Group
	left    []ksef.Outcome
	open    int
	dead    bool // Leave came with a context that had ended
}

func (g *recordingGate) Enter(_ context.Context, group ksef.Group) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse != nil {
		return g.refuse
	}
	g.entered = append(g.entered, group)
	g.open++
	return nil
}

func (g *recordingGate) Leave(ctx context.Context, _ ksef.Group, o ksef.Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = append(g.left, o)
	g.open--
	g.dead = g.dead || ctx.Err() != nil
}

func (g *recordingGate) groups() []ksef.Group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]ksef.Group(nil), g.entered...)
}

func (g *recordingGate) last(tb testing.TB) ksef.Outcome {
	tb.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != 0 || len(g.left) == 0 {
		tb.Fatalf("gate: %d requests have entered and not left, %d have left", g.open, len(g.left))
	}
	return g.left[len(g.left)-1]
}

type waitError struct{ d time.Duration }

func (e *waitError) Error() string { return "wait " + e.d.String() }

func TestGate_Refuses_ItsErrorComesBackAndNothingIsSent(t *testing.T) {
	rec := answers(200, "application/json", `{"result":true}`)
	gate := &recordingGate{refuse: &waitError{time.Minute}}
	asked := false
	c, _ := serve(t, rec, func(o *gateway.Options) {
		o.Gate = gate
		o.Key = func() (string, error) { asked = true; return secret, nil }
	})
	err := c.CloseSession(soon(t), "s", true)
	var wait *waitError
	if !errors.As(err, &wait) || wait != gate.refuse {
		t.Fatalf("the error is %v, want the gate's own error inside it", err)
	}
	if e := apiError(t, err); e.Kind != ksef.KindGated || e.MaybeDone {
		t.Errorf("the error has kind %s, maybe done %v, want KindGated and not done", e.Kind, e.MaybeDone)
	}
	if len(rec.all()) != 0 || len(gate.left) != 0 || asked {
		t.Errorf("%d requests were sent, the gate was told %d outcomes, and the key was read: %v, want none, none and false",
			len(rec.all()), len(gate.left), asked)
	}
}

func TestGate_CallerGivesUp_StillGetsTheOutcome(t *testing.T) {
	gate := &recordingGate{}
	ctx, cancel := context.WithCancel(context.Background())
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}), func(o *gateway.Options) { o.Gate = gate })
	err := c.CloseSession(ctx, "s", true)
	e := apiError(t, err)
	if e.Kind != ksef.KindCanceled || !e.MaybeDone || !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v of kind %s, maybe done %v, want KindCanceled that may be done", e, e.Kind, e.MaybeDone)
	}
	o := gate.last(t)
	if o.Outage || o.Throttled || o.Status != 0 || !errors.Is(o.Err, context.Canceled) {
		t.Errorf("the outcome is %+v, want status 0 and the caller's error, without Outage and Throttled", o)
	}
	if gate.dead {
		t.Error("Leave was given a context that had ended")
	}
}

func TestGate_EveryKindOfAnswer_GivesItsOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		answer *recorder
		want   ksef.Outcome
	}{
		"success":                    {answers(200, "application/json", `{"result":true}`), ksef.Outcome{Status: 200}},
		"a refusal is not an outage": {answers(400, "application/json", `{"error":{"code":1,"description":"x"}}`), ksef.Outcome{Status: 400}},
		"throttled for long": {
			&recorder{status: 429, header: http.Header{"Retry-After": {"2680"}}},
			ksef.Outcome{Status: 429, Throttled: true, RetryAfter: 2680 * time.Second},
		},
		"an outage, retry after": {
			&recorder{status: 503, header: http.Header{"Retry-After": {"30"}}, body: []byte("<html>")},
			ksef.Outcome{Status: 503, Outage: true, RetryAfter: 30 * time.Second},
		},
		"HTML instead of JSON": {answers(200, "text/html", `<html>blocked</html>`), ksef.Outcome{Status: 200, Outage: true}},
	} {
		t.Run(name, func(t *testing.T) {
			gate := &recordingGate{}
			c, _ := serve(t, tc.answer, func(o *gateway.Options) { o.Gate = gate })
			err := c.CloseSession(soon(t), "s", true)
			got := gate.last(t)
			if (got.Err == nil) != (err == nil) {
				t.Errorf("the gate was told the error %v, and the caller got %v; want an error for both or for neither", got.Err, err)
			}
			got.Err = nil
			if got != tc.want {
				t.Errorf("outcome %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestGroups_List_IsDistinctAndComplete(t *testing.T) {
	used := map[ksef.Group]bool{ksef.GroupBoxUploadBatch: true}
	for _, op := range operations(t) {
		used[op.group] = true
	}
	for _, g := range []ksef.Group{ // only KSeF's own API has these
		ksef.GroupSessionList, ksef.GroupLogin, ksef.GroupRateLimits, ksef.GroupContextLimits,
		ksef.GroupCertificates, ksef.GroupTokens, ksef.GroupLoginSessions,
	} {
		used[g] = true
	}
	listed := map[ksef.Group]bool{}
	for _, g := range ksef.Groups() {
		if c := g.Counter(); c != g && (g != ksef.GroupSessionUPO || c != ksef.GroupSessionMisc) {
			t.Errorf("requests of group %q are counted in group %q; only group %q may be counted in another", g, c, ksef.GroupSessionUPO)
		}
		if listed[g] || !used[g] {
			t.Errorf("group %q: listed before: %v, used by an operation: %v; want false and true", g, listed[g], used[g])
		}
		listed[g] = true
	}
	if len(listed) != len(used) {
		t.Errorf("Groups lists %d groups, but the operations use %d", len(listed), len(used))
	}
	if ksef.GroupSessionUPO.Counter() != ksef.GroupSessionMisc {
		t.Error("requests for a session's receipt are not counted in the group of its status, as KSeF counts them")
	}
	if ksef.GroupInvoiceSend.Other() || !ksef.GroupLinks.Other() {
		t.Errorf("Other is %v for the group of sends and %v for the group of links, want false and true",
			ksef.GroupInvoiceSend.Other(), ksef.GroupLinks.Other())
	}
}
