package settlement

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// packageOf returns a package with n undecided invoices, and what the ledger holds of it.
func packageOf(n int, state ledger.PackageState) (ledger.Package, Held) {
	p := ledger.Package{ID: place, Rev: 1, State: state, Lane: ledger.Bulk, Tenant: seller, Session: "S", Count: n}
	held := Held{Read: true, Members: n}
	for i := range n {
		held.Invoices = append(held.Invoices, ledger.Invoice{
			Facts: ledger.Facts{ID: fmt.Sprint("inv-", i), NIP: seller}, Rev: 1, State: ledger.Sent, Package: place,
			Number: fmt.Sprint("A/", i), Hash: fmt.Sprint("hash-", i), Lane: ledger.Bulk,
		})
	}
	return p, held
}

// A package was refused, and either the package or KSeF is at fault. The fate of the package
// depends on KSeF's code and on how often the package was refused before. It also depends on
// whether other packages go through, whether the package is a probe, and whether it has a single
// invoice.
func TestRefused_EachCircumstance_HasItsDecision(t *testing.T) {
	yes, no := true, false
	const ruled = 3 // Rules.Refusals
	rest := &Rest{Package: &ledger.Package{ID: "rest", State: ledger.PackageCut, Probe: place}}
	busy := &Rest{Package: &ledger.Package{ID: "rest", State: ledger.PackageOpened, Probe: place}}
	for _, c := range []struct {
		why        string
		n          int
		behind     int // refusals before this one
		code       int
		unfinished bool
		parent     bool
		probe      bool
		through    *bool
		rest       *Rest
		want       string
	}{
		{"the first refusal: sent whole at once", 4, 0, 405, false, false, false, nil, nil, "4 with 1, counted"},
		{"the second refusal: sent whole at once", 4, 1, 405, false, true, false, nil, nil, "4 with 2, counted"},
		{"the third refusal: it asks whether others go through", 4, 2, 405, false, true, false, nil, nil, "asks through"},
		{"others go through: halves, one refusal short of the next halving",
			4, 2, 405, false, true, false, &yes, nil, "2+2 with 2, counted"},
		{"others go through: an odd number of invoices is halved", 5, 2, 405, false, true, false, &yes, nil, "2+3 with 2, counted"},
		{"others go through: an invoice that is alone is parked", 1, 2, 405, false, true, false, &yes, nil, "parked, counted"},
		{"no other goes through: sent whole after a pause", 4, 2, 405, false, true, false, &no, nil, "4 with 3 in 5s, counted"},
		{"no other goes through at the fifth refusal: the pause has grown",
			4, 4, 405, false, true, false, &no, nil, "4 with 5 in 20s, counted"},
		{"no other goes through: an invoice that is alone is sent again at its 13th refusal",
			1, 12, 405, false, true, false, &no, nil, "1 with 13 in 1h0m0s, counted"},
		{"no other goes through: an invoice that is alone is parked at its 14th refusal",
			1, 13, 405, false, true, false, &no, nil, "parked, counted"},
		{"no other goes through: two invoices are never parked", 2, 40, 405, false, true, false, &no, nil, "2 with 41 in 1h0m0s, counted"},
		{"a stale key is nobody's fault", 4, 2, 415, false, false, false, nil, nil, "4 with 2"},
		{"a fresh key that is no better: a pause of a minute", 4, 2, 415, false, true, false, nil, nil, "4 with 2 in 1m0s"},
		{"parts that were missing are nobody's fault", 4, 2, 405, true, true, false, nil, nil, "4 with 2"},
		{"a probe before the third refusal: it asks for its rest", 2, 1, 405, false, true, true, nil, nil, "asks rest"},
		{"a probe goes back to its rest", 2, 4, 405, false, true, true, &no, rest, "2 into rest with 5 in 20s, counted"},
		{"a probe whose rest is gone", 2, 4, 405, false, true, true, &no, &Rest{}, "2 with 5 in 20s, counted"},
		{"a probe whose rest went on without it", 2, 4, 405, false, true, true, &no, busy, "2 with 5 in 20s, counted"},
		{"a probe is halved when others go through", 2, 4, 405, false, true, true, &yes, nil, "1+1 with 2, counted"},
		{"no other goes through: a probe of one invoice is never parked", 1, 13, 405, false, true, true, &no, rest,
			"1 into rest with 14 in 1h0m0s, counted"},
		{"a probe with a stale key", 2, 4, 415, false, true, true, nil, rest, "2 into rest with 5 in 20s"},
		{"nothing that can be read is left", 0, 2, 405, false, true, false, nil, nil, "nothing, counted"},
	} {
		p, held := packageOf(c.n, ledger.PackageProcessing)
		p.Refusals, p.Unfinished = c.behind, c.unfinished
		if c.parent {
			p.Parent = "parent"
		}
		if c.probe {
			p.Rest = "rest"
		}
		d := Rules{Refusals: ruled}.Refused(p, held, Listed{Through: c.through, Rest: c.rest}, c.code, "why", ProvenByRefusal)
		if got := toldRefusal(d); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.why, got, c.want)
		}
		if !d.Asks() && (!d.Renew || !d.Over) {
			t.Errorf("%s: the decision is %+v, want the key fetched again and the run over", c.why, d)
		}
	}
}

// toldRefusal writes a decision as "2+3 with 1 in 5s, counted". In this text, the package is split
// into parts of 2 and 3 invoices. The parts have 1 refusal behind them and are sent after 5
// seconds. The refusal counts against the tenant.
func toldRefusal(d Decision) string {
	switch d.Ask.For {
	case TheThrough:
		return "asks through"
	case TheRest:
		return "asks rest"
	}
	out := "nothing"
	if s := d.Split; s != nil {
		out = ""
		for i, part := range s.Parts {
			if i > 0 {
				out += "+"
			}
			out += fmt.Sprint(len(part.IDs))
		}
		if len(s.Parts) > 0 {
			if s.Parts[0].Into {
				out += " into " + s.Parts[0].ID
			}
			out += fmt.Sprint(" with ", s.Parts[0].Refusals)
		}
		if s.In > 0 {
			out += fmt.Sprint(" in ", s.In)
		}
		if s.Park != nil {
			out += "parked"
		}
	}
	if d.Refusal.Counted {
		out += ", counted"
	}
	return out
}

// A package can end when each entry in it that cannot be read is known to be decided. The invoices
// that stay in the package need its receipt.
func TestEndOf_GoesByWhatStays(t *testing.T) {
	unread := func(state ledger.State, pkg string, opaque bool) []ledger.Unreadable {
		return []ledger.Unreadable{{ID: "inv-9", State: string(state), Package: pkg, Opaque: opaque}}
	}
	for _, c := range []struct {
		why     string
		state   ledger.PackageState
		leaving int
		unread  []ledger.Unreadable
		want    ledger.PackageState
	}{
		{"all invoices leave a package that was closed", ledger.PackageProcessing, 2, nil, ledger.PackageFailed},
		{"all invoices leave a package that was not closed", ledger.PackageCut, 2, nil, ledger.PackageAbandoned},
		{"one invoice stays", ledger.PackageProcessing, 1, nil, ledger.PackageSettled},
		{"an entry that cannot be read stays, and is decided", ledger.PackageProcessing, 2, unread(ledger.Accepted, place, false),
			ledger.PackageSettled},
		{"an entry that cannot be read is not decided", ledger.PackageProcessing, 2, unread(ledger.Sent, place, false), ""},
		{"nothing at all is known of an entry", ledger.PackageProcessing, 2, unread("", "", true), ""},
		{"an entry that cannot be read is in another package", ledger.PackageProcessing, 2, unread(ledger.Sent, "other", false),
			ledger.PackageFailed},
	} {
		p, held := packageOf(2, c.state)
		held.Unread = c.unread
		if got := EndOf(p, held, c.leaving); got != c.want {
			t.Errorf("%s: the package ends as %q, want %q", c.why, got, c.want)
		}
	}
}

// When KSeF does not know a session, the decision waits for ten minutes, and then the register
// decides.
func TestUnknown_WaitsThenTheRegisterDecides(t *testing.T) {
	r := Rules{Refusals: 3, ConfirmFirst: time.Second}
	why := &Unknown{Status: 404, Code: 21165, Text: "not found"}
	p, held := packageOf(2, ledger.PackageClosing)
	held.Invoices[1].OriginalBy = ByAnswer

	d := r.Decide(p, Held{}, Listed{Unknown: &Unknown{Status: 403, Text: "forbidden"}}, began)
	if d.Wait == nil || !d.Wait.Poll || d.Package.Lost != (time.Time{}) {
		t.Errorf("after a 403 the decision is %+v, want a poll and nothing counted as lost", d)
	}
	d = r.Decide(p, Held{}, Listed{Unknown: why}, began)
	if d.Wait == nil || d.Wait.Delay != time.Second || d.Wait.Reason != retry.ReasonRefused || !d.Package.Lost.Equal(began) {
		t.Errorf("at first the decision is %+v, want a wait of a second, and the session noted as lost", d)
	}
	p.Lost = ledger.At(began)
	d = r.Decide(p, Held{}, Listed{Unknown: why}, began.Add(lostAfter-time.Second))
	if d.Wait == nil || d.Wait.Delay != time.Minute || len(d.Moves) != 0 {
		t.Errorf("before the time is over the decision is %+v, want a wait of a minute", d)
	}
	later := began.Add(lostAfter)
	if d = r.Decide(p, Held{}, Listed{Unknown: why}, later); d.Ask.For != TheHeld {
		t.Errorf("when the time is over the decision is %+v, want it to ask for what the ledger holds", d)
	}
	d = r.Decide(p, held, Listed{Unknown: why}, later)
	if len(d.Moves) != 1 || d.Moves[0].Fate != LookUp || d.Moves[0].Original.By != BySearch ||
		d.Moves[0].Original.Session != "S" || d.Wait != nil {
		t.Errorf("when the time is over the decision is %+v, want the invoices marked for the register", d)
	}
	d.Moves[0].Wrote(ledger.Moved{Rev: 2})
	if d = r.Decide(p, held, Listed{Unknown: why, Stage: Originals}, later); !d.Lookup {
		t.Errorf("the decision is %+v, want the originals looked up", d)
	}
	if d = r.Decide(p, held, Listed{Unknown: why, Stage: Originals, Conflicts: 1}, later); d.Wait == nil || d.Lookup {
		t.Errorf("another task was faster with one invoice, and the decision is %+v, want only a wait", d)
	}
	if d = r.Decide(p, held, Listed{Unknown: why, Stage: Remainder}, later); d.End != nil || d.Wait == nil {
		t.Errorf("with two undecided invoices the decision is %+v, want a wait and no end", d)
	}
	for i := range held.Invoices {
		held.Invoices[i].State = ledger.Parked
	}
	d = r.Decide(p, held, Listed{Unknown: why, Stage: Remainder}, later)
	if d.End == nil || d.End.State != ledger.PackageSettled || d.End.Code != why.Code || !d.Receipt || !d.Over {
		t.Errorf("the decision is %+v, want the package settled and its receipt queued", d)
	}
}

// KSeF refused an online session. Invoices that KSeF is proven not to have taken are sent again in
// another session. The package does not end while one of them is still in it.
func TestRefused_Online_EndsOnlyWhenAllHaveLeft(t *testing.T) {
	r := Rules{Refusals: 3, ConfirmFirst: time.Second}
	p, held := packageOf(2, ledger.PackageProcessing)
	p.Lane = ledger.Express
	listed := Listed{Session: ksef.SessionInfo{Status: ksef.StatusInfo{Code: 440}}, Stage: Remainder,
		Gone: map[string]bool{"inv-0": true, "inv-1": true}}
	d := r.Decide(p, held, listed, began)
	if len(d.Moves) != 2 || !d.Renew || d.Package.Code != 440 || d.Over {
		t.Fatalf("the decision is %+v, want both invoices sent again and the key fetched again", d)
	}
	d.Moves[0].Wrote(ledger.Moved{Rev: 2})
	d.Moves[1].Wrote(ledger.Moved{Conflict: &ledger.ConflictError{State: string(ledger.Sent), Rev: 9, Package: place}})
	listed.Stage, listed.Conflicts = Last, 1
	if d = r.Decide(p, held, listed, began); d.End != nil || d.Wait == nil || d.Wait.Delay != time.Second {
		t.Errorf("one invoice is still in the package, and the decision is %+v, want a wait of a second", d)
	}
	held.Invoices[1].Package = "another"
	if d = r.Decide(p, held, listed, began); d.End == nil || d.End.State != ledger.PackageFailed || d.Receipt {
		t.Errorf("both invoices have left, and the decision is %+v, want the package failed", d)
	}
}
