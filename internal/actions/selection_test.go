package actions_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

var (
	open = []ledger.State{ledger.Rejected, ledger.Parked}
	// ofRetry and ofDismiss are the scopes that the command line uses.
	ofRetry   = actions.Scope{States: open, Default: open}
	ofDismiss = actions.Scope{
		States: []ledger.State{ledger.Queued, ledger.Rejected, ledger.Parked}, Default: open, Refusals: true,
	}
)

func TestSelect_ByName_FindsTheDocumentOrTheCause(t *testing.T) {
	w := newWorld(t)
	parked := w.taken(sellerA, "A", ledger.Parked, 550, "")
	queued := w.take(sellerB, "A", "1")
	w.taken(sellerA, "B", ledger.Rejected, 450, "")
	w.taken(sellerB, "B", ledger.Rejected, 450, "")
	damaged := w.taken(sellerA, "C", ledger.Parked, 550, "")
	w.check(w.rdb.Del(t.Context(), "ksef:inv:"+damaged).Err())
	w.check(w.rdb.Set(t.Context(), "ksef:inv:"+damaged, "x", 0).Err())
	refused := w.refuse(sellerA, "x.xml", "X")
	for _, c := range []struct {
		what, name string
		scope      actions.Scope
		want       string
	}{
		{"an id", parked, ofRetry, parked},
		{"a number that two invoices have, one of them in the scope", "A", ofRetry, parked},
		{"a number that two invoices have, both in the scope", "A", ofDismiss, "A: ambiguous"},
		{"a number that two rejected invoices have", "B", ofRetry, "B: ambiguous"},
		{"an invoice in another state", queued, ofRetry, queued + ": wrong_state"},
		{"an entry that cannot be read", damaged, ofRetry, damaged + ": unreadable: "},
		{"an unknown number", "Z", ofRetry, "Z: unknown"},
		{"an unknown id", "inv-none", ofDismiss, "inv-none: unknown"},
		{"the id of a refusal", refused, ofDismiss, refused},
		{"the number of a refusal", "X", ofDismiss, refused},
		{"a refusal outside the scope", "X", ofRetry, "X: not_taken"},
	} {
		got := w.selects(actions.Selection{Names: []string{c.name}}, c.scope)
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: selected is %q, want %q alone", c.what, got, c.want)
		}
	}
}

// A key that may name the document cannot be read. Whether there is such a document is not known.
func TestSelect_KeyIsSick_IsNotCalledUnknownAndTheOthersAreDone(t *testing.T) {
	for _, key := range []string{"sellers", "refusers", "refusals:" + sellerA, "refused:" + sellerA} {
		w := newWorld(t)
		parked := w.taken(sellerA, "A", ledger.Parked, 550, "")
		w.refuse(sellerA, "x.xml", "X")
		y := w.refuse(sellerB, "y.xml", "Y")
		w.check(w.rdb.Del(t.Context(), "ksef:"+key).Err())
		w.check(w.rdb.Set(t.Context(), "ksef:"+key, "x", 0).Err())
		got := w.selects(actions.Selection{Names: []string{"none", parked, "Y"}}, ofDismiss)
		if len(got) != 3 || !strings.HasPrefix(got[0], "none: unsearched: the key "+key+" ") || got[1] != parked {
			t.Errorf("with the sick key %s, selected is %q, want the name \"none\" as unsearched, and %s", key, got, parked)
		}
		if strings.HasPrefix(key, "ref") && key != "refusers" && got[2] != y {
			t.Errorf("with the sick key %s, the refused document of another tenant is %q, want it selected", key, got[2])
		}
	}
}

// Each cause comes with the facts that a person has to know.
func TestSelect_NothingCanBeDone_TheCauseHasItsFacts(t *testing.T) {
	w := newWorld(t)
	a, b := w.taken(sellerA, "B", ledger.Rejected, 450, ""), w.taken(sellerB, "B", ledger.Rejected, 450, "")
	w.take(sellerA, "A", "1")
	w.refuse(sellerA, "x.xml", "X")
	found := map[string]actions.Match{}
	s := actions.Selection{Names: []string{"A", "B", "X"}}
	w.check(w.exec.Select(t.Context(), s, ofRetry, func(m actions.Match) error { found[m.Name] = m; return nil }))
	if m := found["A"]; m.NotDone.State != ledger.Queued || m.Invoice == nil || m.Invoice.Number != "A" {
		t.Errorf("the queued invoice is found as %+v, want it with its state", m)
	}
	ids := found["B"].NotDone.IDs
	slices.Sort(ids)
	if want := slices.Sorted(slices.Values([]string{a, b})); !slices.Equal(ids, want) {
		t.Errorf("the ids of the two invoices with one number are %q, want %q", ids, want)
	}
	if r := found["X"].NotDone.Refusal; r == nil || r.File != "x.xml" {
		t.Errorf("the refusal is %+v, want that of x.xml", r)
	}
}

func TestSelect_ByFilters_TakesWhatPassesAll(t *testing.T) {
	w := newWorld(t)
	rejected := w.taken(sellerA, "A", ledger.Rejected, 450, "Błąd weryfikacji")
	parkedA := w.taken(sellerA, "B", ledger.Parked, 550, "KSeF answered 550")
	parkedB := w.taken(sellerB, "C", ledger.Parked, 415, "brak uprawnień")
	queued := w.take(sellerA, "D", "1")
	refusedA, refusedB := w.refuse(sellerA, "x.xml", "X"), w.refuse(sellerB, "y.xml", "Y")
	for _, c := range []struct {
		what  string
		s     actions.Selection
		scope actions.Scope
		want  []string
	}{
		{"no filter", actions.Selection{}, ofRetry, []string{rejected, parkedA, parkedB}},
		{"a state", actions.Selection{State: ledger.Parked}, ofRetry, []string{parkedA, parkedB}},
		{"a state outside the default", actions.Selection{State: ledger.Queued}, ofDismiss, []string{queued}},
		{"a code", actions.Selection{Code: 550}, ofRetry, []string{parkedA}},
		{"a tenant by name", actions.Selection{Tenant: "name of " + sellerA}, ofRetry, []string{rejected, parkedA}},
		{"another tenant", actions.Selection{Tenant: "name of " + sellerB}, ofRetry, []string{parkedB}},
		{"a seller's NIP in place of the tenant's name", actions.Selection{Tenant: sellerB}, ofRetry, nil},
		{"a part of the reason in capitals", actions.Selection{ReasonLike: "BŁĄD"}, ofRetry, []string{rejected}},
		{"all filters", actions.Selection{State: ledger.Parked, Code: 550, Tenant: "name of " + sellerA, ReasonLike: "ksef"}, ofRetry,
			[]string{parkedA}},
		{"filters that exclude each other", actions.Selection{Code: 450, Tenant: "name of " + sellerB}, ofRetry, nil},
		{"refusals", actions.Selection{State: results.Refused}, ofDismiss, []string{refusedA, refusedB}},
		{"refusals of a tenant", actions.Selection{State: results.Refused, Tenant: sellerB}, ofDismiss, []string{refusedB}},
		{"refusals by reason", actions.Selection{State: results.Refused, ReasonLike: "CANNOT"}, ofDismiss,
			[]string{refusedA, refusedB}},
		{"refusals, which have no code", actions.Selection{State: results.Refused, Code: 450}, ofDismiss, nil},
		{"refusals outside the scope", actions.Selection{State: results.Refused}, ofRetry, nil},
	} {
		got := w.selects(c.s, c.scope)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: selected are %q, want %q", c.what, got, c.want)
		}
	}
}

func TestSelect_YieldReturnsAnError_EndsWithIt(t *testing.T) {
	w := newWorld(t)
	w.taken(sellerA, "A", ledger.Parked, 550, "")
	w.taken(sellerA, "B", ledger.Parked, 550, "")
	w.refuse(sellerA, "x.xml", "X")
	w.refuse(sellerA, "y.xml", "Y")
	stop := errors.New("stop")
	for what, s := range map[string]actions.Selection{
		"names": {Names: []string{"A", "B"}}, "filters": {}, "refusals": {State: results.Refused},
	} {
		calls := 0
		err := w.exec.Select(t.Context(), s, ofDismiss, func(actions.Match) error { calls++; return stop })
		if !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%s: Select gives the error %v after %d calls, want the error of the first call", what, err, calls)
		}
	}
}
