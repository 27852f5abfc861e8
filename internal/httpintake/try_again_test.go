package httpintake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

func TestSubmit_RedisIsFull_Is503WithRetryAfter(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	t.Cleanup(func() { b.rdb.ConfigSet(context.Background(), "maxmemory", "0") })
	for _, heads := range [][]string{nil, {"Idempotency-Key", "k"}} {
		a := b.post(xmlOf(0, "FV/1"), "", heads...)
		b.want(a, http.StatusServiceUnavailable, "unavailable")
		if a.head.Get("Retry-After") != "60" || !strings.Contains(a.body.Detail, "full") {
			t.Errorf("%v: %v %s", heads, a.head, a.raw)
		}
	}
}

func TestReadyz_RedisIsFull_StaysReadyAndSaysThatNothingIsTakenIn(t *testing.T) {
	var room error
	b := newBench(t, func(o *Options) { o.Room = func(context.Context) error { return room } })
	for _, room = range []error{nil, &ledger.FullError{}} {
		a := b.call("GET", "/readyz", nil)
		b.want(a, http.StatusOK, "")
		if said := strings.Contains(string(a.raw), "nothing new is taken in: redis is full"); said != (room != nil) {
			t.Errorf("%v: %s", room, a.raw)
		}
	}
	// Whoever asks has no key, and must not learn where Redis is.
	room = errors.New("dial tcp 10.0.0.3:6379: connection refused")
	a := b.call("GET", "/readyz", nil)
	if b.want(a, http.StatusServiceUnavailable, "unavailable"); strings.Contains(string(a.raw), "10.0.0.3") {
		t.Errorf("%s", a.raw)
	}
}

// A drained tenant takes nothing new in. Its documents have no fault, and the program learns
// neither who stopped the intake nor a command.
func TestSubmit_TenantIsDrained_CanBeTriedAgainAndIsNotOnRecord(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.o.Ledger.Hold(t.Context(), "one", ledger.Hold{Kind: ledger.Draining, By: "jan"}))
	for language, says := range map[string]string{
		"en": "nothing new is taken in for tenant one at present: its intake is stopped; nothing was taken, hand it in again",
		"pl": "nowe faktury podatnika one chwilowo nie są przyjmowane: wstrzymano ich przyjmowanie; nic nie przyjęto, przekaż ponownie",
	} {
		a := b.post(xmlOf(0, "FV/1"), "?ref=SO-1", "Accept-Language", language)
		b.want(a, http.StatusUnprocessableEntity, "refused")
		r := a.body.Items[0].Refusal
		if !r.TryAgain || r.Detail != says || len(r.Explanations) != 1 || r.Explanations[0].Name() != "refused/drained" ||
			strings.Contains(string(a.raw), "jan") || strings.Contains(a.body.Detail, "correct") {
			t.Errorf("%s: %s", language, a.raw)
		}
	}
	if n, err := b.o.Ledger.OpenRefusals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d refusals are on record, %v", n, err)
	}
}

func TestSubmit_PoolIsNotFit_Is503AndReadyzSaysSo(t *testing.T) {
	b := newBench(t, nil)
	b.unfit = &ledger.FullError{}
	b.want(b.post(xmlOf(0, "FV/1"), ""), http.StatusServiceUnavailable, "unavailable")
	b.want(b.call("GET", "/readyz", nil), http.StatusServiceUnavailable, "unavailable")
	b.want(b.call("GET", "/healthz", nil), http.StatusOK, "")
}

func TestRefusal_SomethingOutsideTheDocumentHasToChange_CanBeTriedAgain(t *testing.T) {
	for remedy, again := range map[ledger.Remedy]bool{ledger.RemedyWait: true, ledger.RemedyResume: true, ledger.RemedyFix: false,
		ledger.RemedyNumber: false, ledger.RemedyConfigure: false} {
		r := (&call{lang: english}).refusalOf(&intake.RefusedError{Rule: "a rule", Hint: "a hint", Remedy: remedy})
		if documentAtFault := len(r.Explanations) > 0; r.TryAgain != again || documentAtFault == again {
			t.Errorf("%q: %+v", remedy, r)
		}
	}
}
