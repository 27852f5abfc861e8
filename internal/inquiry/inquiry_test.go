package inquiry_test

import (
	"context"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/waiting"
)

func TestInState_StateChangesAfterTheListWasRead_LeavesTheInvoiceOut(t *testing.T) {
	w := newWorld(t)
	a := w.take(sellerA, "A", "1")
	changed := false
	w.rdb.AddHook(&after{ledger.ScriptHashes()["changed"], func() { changed = true; w.move(ledger.Parked, a) }})
	err := w.reader.InState(t.Context(), ledger.Queued, func(invs []ledger.Invoice) error {
		if len(invs) > 0 {
			t.Errorf("InState yields %+v, want no invoice", invs)
		}
		return nil
	})
	if err != nil || !changed {
		t.Errorf("InState returns %v, want no error; the state was changed meanwhile: %v, want true", err, changed)
	}
}

func TestFind_IDOrNumber_FindsAllOldestFirst(t *testing.T) {
	w := newWorld(t)
	first := w.take(sellerA, "A", "1")
	w.move(ledger.Rejected, first)
	other := w.take(sellerB, "A", "1")
	second := w.take(sellerA, "A", "2")
	odd := w.take(sellerA, "inv-2026", "3")
	for name, want := range map[string][]string{
		first: {first}, "A": {first, other, second}, "inv-2026": {odd}, "B": nil, "inv-none": nil, "": nil,
	} {
		invs, err := w.reader.Find(t.Context(), name)
		w.check(err)
		var got []string
		for _, inv := range invs {
			got = append(got, inv.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", name, got, want)
		}
	}
}

func TestFind_OneEntryCannotBeRead_ReturnsTheOthersAndAnError(t *testing.T) {
	w := newWorld(t)
	damaged, sound := w.take(sellerA, "A", "1"), w.take(sellerB, "A", "1")
	w.damage(damaged)
	invs, err := w.reader.Find(t.Context(), "A")
	unread, rest := ledger.Skip(err)
	if rest != nil || len(unread) != 1 || unread[0].ID != damaged || len(invs) != 1 || invs[0].ID != sound {
		t.Errorf("Find returns %+v, %v, want the sound invoice, and an error about the damaged entry alone", invs, err)
	}
}

func TestRefused_IDOrNumber_FindsThoseThatHaveEndedToo(t *testing.T) {
	w := newWorld(t)
	first, second := w.refuse(sellerA, "x.xml", "X"), w.refuse(sellerB, "y.xml", "X")
	w.refuse("", "unreadable.xml", "")
	w.check(w.ledger.DismissRefusal(t.Context(), first, ledger.Dismissal{By: "anna", Reason: "an advertisement"}))
	for name, want := range map[string][]string{first: {first}, "X": {first, second}, "": nil, "ref-none": nil} {
		refusals, err := w.reader.Refused(t.Context(), name)
		w.check(err)
		var got []string
		for _, r := range refusals {
			got = append(got, r.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", name, got, want)
		}
	}
}

func TestRefusal_IDOrNumber_FindsOpenRefusalsOnly(t *testing.T) {
	w := newWorld(t)
	id := w.refuse(sellerA, "x.xml", "X")
	for _, name := range []string{id, "X"} {
		if r, err := w.reader.Refusal(t.Context(), name); err != nil || r == nil || r.ID != id {
			t.Errorf("%q finds %+v, %v, want the refusal", name, r, err)
		}
	}
	w.check(w.ledger.DismissRefusal(t.Context(), id, ledger.Dismissal{By: "anna", Reason: "an advertisement"}))
	for _, name := range []string{id, "X", "Y"} {
		if r, err := w.reader.Refusal(t.Context(), name); err != nil || r != nil {
			t.Errorf("%q finds %+v, %v, want none that is open", name, r, err)
		}
	}
}

func TestInState_YieldsOnlyThatState_AndEndsWithAnErrorOfYield(t *testing.T) {
	w := newWorld(t)
	a := w.take(sellerA, "A", "1")
	w.take(sellerA, "B", "2")
	w.move(ledger.Parked, a)
	var got []string
	err := w.reader.InState(t.Context(), ledger.Parked, func(invs []ledger.Invoice) error {
		for _, inv := range invs {
			got = append(got, inv.ID)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, []string{a}) {
		t.Errorf("for the state parked InState yields %q and returns %v, want the one parked invoice", got, err)
	}
	stop := errors.New("stop")
	if err := w.reader.InState(t.Context(), ledger.Queued, func([]ledger.Invoice) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("InState returns %v, want the error of yield", err)
	}
}

// explainer is an [inquiry.Explainer] made of a function.
type explainer func() (map[string]waiting.Wait, error)

func (e explainer) Explain(context.Context, []ledger.Invoice) (map[string]waiting.Wait, error) {
	return e()
}

func TestResults_InvoiceWaits_HasTheReasonAndTheTime(t *testing.T) {
	until := time.Date(2026, 11, 23, 11, 0, 0, 0, time.FixedZone("", 3600))
	r := &inquiry.Reader{Environment: "test", Waits: explainer(func() (map[string]waiting.Wait, error) {
		return map[string]waiting.Wait{"a": {For: waiting.Limit, What: "used up", Until: until}}, nil
	})}
	got, err := r.Results(t.Context(), []ledger.Invoice{{Facts: ledger.Facts{ID: "a"}}, {Facts: ledger.Facts{ID: "b"}}})
	want := []results.Result{
		{ID: "a", WaitingFor: "limit", WaitingWhat: "used up", WaitingUntil: "2026-11-23T10:00:00Z"},
		{ID: "b"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Results returns the error %v, want none; the results (-want +got):\n%s", err, diff)
	}
}

func TestResults_ReasonCannotBeFound_IsReportedAndTheRestReturned(t *testing.T) {
	down := errors.New("connection refused")
	var reported error
	r := &inquiry.Reader{
		Waits:       explainer(func() (map[string]waiting.Wait, error) { return nil, down }),
		Unexplained: func(err error) { reported = err },
	}
	got, err := r.Results(t.Context(), []ledger.Invoice{{Facts: ledger.Facts{ID: "a"}}})
	if err != nil || len(got) != 1 || got[0].ID != "a" || !errors.Is(reported, down) {
		t.Errorf("the results are %+v, %v, and reported is %v; want the result without its reason, and the error reported",
			got, err, reported)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Results(ctx, []ledger.Invoice{{Facts: ledger.Facts{ID: "a"}}}); !errors.Is(err, down) {
		t.Errorf("after a cancel Results returns %v, want the error of Explain", err)
	}
}

func TestFind_NumberWithANoBreakSpace_IsFoundByAnOrdinaryOne(t *testing.T) {
	w := newWorld(t)
	id, refused := w.take(sellerA, "FV 1\u00a02026", "1"), w.refuse(sellerA, "x.xml", "FV\u00a09")
	for _, name := range []string{"FV 1 2026", "FV\u00a01 2026", "FV 1\u00a02026"} {
		invs, err := w.reader.Find(t.Context(), name)
		if err != nil || len(invs) != 1 || invs[0].ID != id {
			t.Errorf("%q finds %+v, %v, want the invoice", name, invs, err)
		}
	}
	if r, err := w.reader.Refusal(t.Context(), "FV 9"); err != nil || r == nil || r.ID != refused {
		t.Errorf("FV 9 finds the refusal %+v, %v, want the one whose number has a no-break space", r, err)
	}
}

// A person or a program names an invoice whose entry is gone or empty, although the index of its
// state lists the invoice. The answer must not be that there is no such invoice.
func TestFind_EntryIsGoneOrEmpty_IsNamedAsDamaged(t *testing.T) {
	w := newWorld(t)
	gone, empty := w.take(sellerA, "A", "1"), w.take(sellerA, "B", "2")
	for _, id := range []string{gone, empty} {
		w.accept(id)
		_, err := w.ledger.Receipt(t.Context(), []string{id}, "file:///upo.xml")
		w.check(err)
	}
	parked := w.take(sellerA, "C", "3")
	w.move(ledger.Parked, parked)
	w.check(w.rdb.Del(t.Context(), "ksef:inv:"+gone, "ksef:inv:"+empty, "ksef:inv:"+parked).Err())
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(empty[len("inv-"):]))
	w.check(err)
	w.check(w.rdb.HSet(t.Context(), "ksef:final:"+empty[4:6], string(raw[1:]), "").Err())
	for name, want := range map[string]ledger.Unreadable{
		gone: {ID: gone, State: "receipted"}, "A": {ID: gone, State: "receipted"},
		empty: {ID: empty, State: "receipted"}, "B": {ID: empty, State: "receipted"},
		parked: {ID: parked, State: "parked"}, "C": {ID: parked, State: "parked"},
	} {
		found, err := w.reader.Find(t.Context(), name)
		unread, rest := ledger.Skip(err)
		if len(found) > 0 || rest != nil || len(unread) != 1 || unread[0].ID != want.ID || unread[0].State != want.State ||
			!ledger.Damaged(unread[0].Err) {
			t.Errorf("%s finds %v, %v, want an error that names the damaged entry", name, found, err)
		}
	}
	if found, err := w.reader.Find(t.Context(), "inv-aaaaaaaaaaaaaaaaaaaaaaaa"); len(found) > 0 || err != nil {
		t.Errorf("an unknown id finds %v, %v, want nothing and no error", found, err)
	}
}
