package httpintake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

func TestSubmit_RedisIsFull_Is503WithRetryAfter(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	t.Cleanup(func() { b.rdb.ConfigSet(context.Background(), "maxmemory", "0") })
	for _, heads := range [][]string{nil, {"Idempotency-Key", "k"}} {
		a := b.post(xmlOf(0, "FV/1"), "", heads...)
		b.want(a, http.StatusServiceUnavailable, "unavailable")
		if a.head.Get("Retry-After") != "60" || !strings.Contains(a.body.Detail, "full") {
			t.Errorf("with the headers %q, want Retry-After: 60 and a detail that says that Redis is full: %v %s", heads, a.head, a.raw)
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
			t.Errorf("when Room returns %v, /readyz answers %s, want it to say that Redis is full: %v", room, a.raw, room != nil)
		}
	}
	// /readyz is answered without a key, so the answer must not say where Redis is.
	room = errors.New("dial tcp 10.0.0.3:6379: connection refused")
	a := b.call("GET", "/readyz", nil)
	if b.want(a, http.StatusServiceUnavailable, "unavailable"); strings.Contains(string(a.raw), "10.0.0.3") {
		t.Errorf("the answer says where Redis is: %s", a.raw)
	}
}

// A drained tenant takes nothing new in. Its documents have no fault. The answer names neither the
// person who stopped the intake nor a command of the operator.
func TestSubmit_TenantIsDrained_CanBeTriedAgainAndIsNotOnRecord(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.o.Ledger.Hold(t.Context(), "one", ledger.Hold{Kind: ledger.Draining, By: "jan"}))
	for language, says := range map[string]string{
		"en": "nothing new is taken in for tenant one at present: its intake is stopped; nothing was taken, hand it in again",
		"pl": "nowe faktury podatnika one chwilowo nie są przyjmowane: wstrzymano ich przyjmowanie; nic nie przyjęto, przekaż ponownie",
	} {
		a := b.post(xmlOf(0, "FV/1"), "?ref=SO-1", "Accept-Language", language)
		b.want(a, http.StatusServiceUnavailable, "unavailable")
		r := a.body.Items[0].Refusal
		if !r.TryAgain || r.Detail != says || len(r.Explanations) != 1 || r.Explanations[0].Name() != "refused/drained" ||
			strings.Contains(string(a.raw), "jan") || strings.Contains(a.body.Detail, "correct") {
			t.Errorf("in language %s: want a refusal that can be tried again, says %q and names nobody: %s", language, says, a.raw)
		}
	}
	if n, err := b.o.Ledger.OpenRefusals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d refusals are on record, %v, want none", n, err)
	}
}

// A program may give up for good at 422. So an answer has this status only if a document has a
// fault.
func TestSubmit_NoneTaken_Is422OnlyIfADocumentIsAtFault(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.o.Ledger.Hold(t.Context(), "one", ledger.Hold{Kind: ledger.Draining, By: "jan"}))
	sound, faulty := map[string]any{"xml": string(xmlOf(0, "FV/1"))}, map[string]any{"xml": "<a/>"}
	for _, c := range []struct {
		docs   []map[string]any
		status int
		kind   string
	}{
		{[]map[string]any{sound, sound}, http.StatusServiceUnavailable, "unavailable"},
		{[]map[string]any{sound, faulty}, http.StatusUnprocessableEntity, "refused"},
		{[]map[string]any{faulty}, http.StatusUnprocessableEntity, "refused"},
	} {
		b.want(b.call("POST", "/v1/invoices", jsonOf(t, c.docs...), "Content-Type", "application/json"), c.status, c.kind)
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
			t.Errorf("with remedy %q: want TryAgain %v, and explanations %v: %+v", remedy, again, !again, r)
		}
	}
}

// Lists and events tell only of refusals that are on record. So when a refusal could not be
// recorded, the answer must ask for another call.
func TestSubmit_RefusalCannotBeRecorded_Is503AndRecordedByTheNextCall(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	t.Cleanup(func() { b.rdb.ConfigSet(context.Background(), "maxmemory", "0") })
	bad := bytes.Replace(xmlOf(0, "FV/1"), []byte("<P_1>"), []byte("<P_1>x"), 1)
	a := b.call("POST", "/v1/invoices?ref=FB", bad, "Content-Type", "application/xml")
	b.want(a, http.StatusServiceUnavailable, "unavailable")
	if a.head.Get("Retry-After") == "" || len(a.body.Items) != 1 || a.body.Items[0].State != "refused" {
		t.Errorf("want one refused document, and a time to call again: %s", a.raw)
	}
	b.must(b.rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
	b.want(b.call("POST", "/v1/invoices?ref=FB", bad, "Content-Type", "application/xml"), http.StatusUnprocessableEntity, "refused")
	if found := b.call("GET", "/v1/invoices?ref=FB", nil); len(found.body.Items) != 1 {
		t.Errorf("the ref should find the refused document: %s", found.raw)
	}
}

// The gateway makes XML of a limited number of invoices in an hour. The answer names this limit and
// the time to wait, and each repetition of the call takes in more of the invoices.
func TestSubmit_LimitOfMakingXMLIsUsedUp_RepeatedCallTakesInMore(t *testing.T) {
	left := 3
	b := newBench(t, func(o *Options) {
		o.Generator = generator(func(tenant string, faktura []byte) ([]byte, error) {
			if left--; left < 0 {
				return nil, intake.GenerationLimited(41*time.Second, errors.New("internal"))
			}
			var f struct{ Fa struct{ P_2 string } }
			if err := json.Unmarshal(faktura, &f); err != nil {
				t.Error(err)
			}
			return xmlOf(0, f.Fa.P_2), nil
		})
	})
	var docs []map[string]any
	for i := range 5 {
		docs = append(docs, map[string]any{"faktura": fakturaOf(sample.NIP(0), fmt.Sprint("FV/", i))})
	}
	a := b.call("POST", "/v1/invoices", jsonOf(t, docs...), "Content-Type", "application/json", "Accept-Language", "pl")
	b.want(a, http.StatusMultiStatus, "")
	if last := a.body.Items[4].Refusal; a.body.Taken != 3 || a.head.Get("Retry-After") != "41" || !last.TryAgain ||
		!strings.Contains(last.Detail, "limit żądań") || !strings.Contains(last.Detail, "za 41 s") ||
		strings.Contains(string(a.raw), "internal") {
		t.Errorf("want 3 documents taken, Retry-After: 41, and a last refusal that can be tried again and names limit and time: %v %s",
			a.head, a.raw)
	}
	left = 2
	a = b.call("POST", "/v1/invoices", jsonOf(t, docs...), "Content-Type", "application/json")
	b.want(a, http.StatusAccepted, "")
	if n := len(b.call("GET", "/v1/invoices", nil).body.Items); n != 5 {
		t.Errorf("%d invoices are listed, want 5", n)
	}
}
