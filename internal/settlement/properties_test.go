package settlement

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ledger"
)

// check checks what must hold for every decision, whatever KSeF told.
func (p *play) check(d Decision) {
	t := p.t
	t.Helper()
	if d.Asks() {
		if !reflect.DeepEqual(d, Decision{Ask: d.Ask}) {
			t.Fatalf("the decision asks for a fact, and does something else as well: %+v", d)
		}
		return
	}
	// An undecided invoice has at most one outcome in the decision, and any other invoice has none.
	undecided, seen := map[string]bool{}, map[string]int{}
	for _, inv := range p.held.Undecided(place) {
		undecided[inv.ID] = true
	}
	for _, m := range d.Moves {
		seen[m.Invoice.ID]++
		p.legal(m)
	}
	if d.Doubt != nil {
		for _, m := range d.Doubt.Notes {
			seen[m.Invoice.ID]++
			if m.Fate != Keep && m.Fate != LookUp {
				t.Errorf("a note of a doubt changes the state of %s", m.Invoice.ID)
			}
		}
	}
	if d.Split != nil {
		p.legalSplit(*d.Split, seen)
	}
	for id, n := range seen {
		if n != 1 || !undecided[id] {
			t.Errorf("%s has %d outcomes, and was undecided: %v; want one outcome for an undecided invoice", id, n, undecided[id])
		}
	}
	for id := range d.Gone {
		if seen[id] > 0 || !undecided[id] {
			t.Errorf("%s counts as gone, and it has an outcome or was decided before", id)
		}
		if p.w.truth[id].accepted() {
			t.Errorf("%s counts as gone, and KSeF has accepted it", id)
		}
	}
	if p.listed.Stage == Originals && p.listed.Conflicts > 0 && (d.Wait == nil || !d.Wait.Poll || len(seen) > 0) {
		t.Errorf("somebody was faster with %d invoices, and the decision is %+v, want only a wait", p.listed.Conflicts, d)
	}
	if d.Wait == nil && p.listed.Stage == Answers && !p.w.pkg.Listed && p.listed.Unknown == nil {
		for id := range undecided {
			if seen[id] == 0 && !d.Gone[id] {
				t.Errorf("the answers leave %s without an outcome", id)
			}
		}
	}
	ends := d.End != nil && d.End.State != ""
	if ends || d.Split != nil || d.Over {
		for id := range undecided {
			if seen[id] == 0 {
				t.Errorf("the decision ends the run or the package without an outcome of %s: %+v", id, d)
			}
		}
	}
	if d.Split != nil && d.End != nil {
		t.Error("the decision splits the package and ends it as well")
	}
	if d.End != nil {
		p.legalEnd(d.End.State)
	}
}

// legal checks one move. The table of states must allow it. An invoice that is sent again must be
// proven absent from KSeF, and must really be absent. An accepted invoice must get the KSeF number
// that it has in KSeF.
func (p *play) legal(m Move) {
	t, inv := p.t, m.Invoice
	t.Helper()
	if to := stateOf(m); to != inv.State && !ledger.MayMove(inv.State, to) {
		t.Errorf("%s goes from %s to %s, which the table of states does not allow", inv.ID, inv.State, to)
	}
	switch m.Fate {
	case SendAgain:
		if m.Again.Proof == 0 || m.Again.Count == 0 {
			t.Errorf("%s is sent again without a proof or a count: %+v", inv.ID, m.Again)
		}
		if m.Again.Proof == ProvenByRefusal && !p.listed.Gone[inv.ID] {
			t.Errorf("%s is sent again, and it was not proven gone", inv.ID)
		}
		if p.w.truth[inv.ID].accepted() {
			t.Errorf("%s is sent again (%+v), and KSeF has it as %+v", inv.ID, m.Again, p.w.truth[inv.ID])
		}
	case Accept:
		if why := wrongNumber(inv, m.Accepted.Number); why != "" {
			t.Errorf("%s is accepted with a wrong KSeF number: %s", inv.ID, why)
		}
		if tr := p.w.truth[inv.ID]; tr.number != m.Accepted.Number {
			t.Errorf("%s is accepted as %s, and KSeF has it as %+v", inv.ID, m.Accepted.Number, tr)
		}
	}
}

func (p *play) legalSplit(s Split, seen map[string]int) {
	t := p.t
	t.Helper()
	left := p.held.Undecided(place)
	var ids []string
	for _, part := range s.Parts {
		if len(part.IDs) == 0 {
			t.Error("the split has an empty part")
		}
		ids = append(ids, part.IDs...)
	}
	for _, id := range ids {
		seen[id]++
		if !p.listed.Gone[id] {
			t.Errorf("%s goes into another package, and it was not proven gone", id)
		}
		if p.w.truth[id].accepted() {
			t.Errorf("%s goes into another package, and KSeF has it", id)
		}
	}
	if s.Park != nil {
		seen[s.Park.Invoice.ID]++
		ids = append(ids, s.Park.Invoice.ID)
	}
	if !slices.Equal(ids, idsOf(left)) {
		t.Errorf("the undecided invoices are %v, and the parts have %v, want the same", idsOf(left), ids)
	}
	if len(s.Parts) == 2 && len(s.Parts[1].IDs)-len(s.Parts[0].IDs) > 1 {
		t.Errorf("the halves have %d and %d invoices, want them equal or the second larger by one",
			len(s.Parts[0].IDs), len(s.Parts[1].IDs))
	}
	if s.Proof == 0 {
		t.Error("the split has no proof that KSeF does not have the invoices")
	}
	if s.End != "" {
		p.legalEnd(s.End)
	}
}

func (p *play) legalEnd(to ledger.PackageState) {
	t, from := p.t, p.w.pkg.State
	t.Helper()
	if n := p.held.UnreadUndecided(place); n > 0 {
		t.Errorf("the package ends as %s with %d entries that cannot be read", to, n)
	}
	if from == ledger.PackageClosing && to == ledger.PackageSettled {
		from = ledger.PackageProcessing
	}
	if !ledger.MayMovePackage(from, to) {
		t.Errorf("the package goes from %s to %s, which the table of states does not allow", from, to)
	}
}

// lasting checks what must hold between two runs, however the first of them ended.
func (w *world) lasting(t *rapid.T) {
	t.Helper()
	for id, entry := range w.entries {
		if w.pkg.Listed && holds(place, entry) && entry.OriginalBy == "" {
			t.Fatalf("the list counts as read, and nothing looks for %s", id)
		}
		if w.truth[id].accepted() && entry.State == ledger.Queued {
			t.Fatalf("%s is queued again, and KSeF has it", id)
		}
		if !w.pkg.State.Live() && holds(place, entry) {
			t.Fatalf("the package is %s, and %s is left behind in it", w.pkg.State, id)
		}
	}
}

func (w *world) over() bool { return w.pkg.State != ledger.PackageProcessing }

// Over a simulated day KSeF leaves out, rewrites or delays what it tells, and others move invoices
// meanwhile. Each invoice still gets one outcome. No invoice that KSeF has goes back to queued. The
// same facts give the same decision.
func TestDecide_OverADay_OneOutcomeEachAndNoWayBackWithoutProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(1, 6).Draw(t, "runs") {
			w.play(t, false).run()
			w.lasting(t)
			if rapid.IntRange(0, 4).Draw(t, "heals") == 0 {
				w.heal()
				w.lasting(t)
			}
			if w.over() {
				return
			}
			pauses := []time.Duration{time.Second, 10 * time.Minute, 40 * time.Minute, 5 * time.Hour}
			w.now = w.now.Add(rapid.SampledFrom(pauses).Draw(t, "pause"))
		}
	})
}

// The process may die before any of its writes, and the next run begins with what was written.
func TestDecide_CutOffAnywhere_TheNextRunHarmsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(1, 6).Draw(t, "runs") {
			w.play(t, true).run()
			w.lasting(t)
			if w.over() {
				return
			}
			w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 40 * time.Minute}).Draw(t, "pause"))
		}
	})
}

// KSeF tells everything as it is, and nobody interferes. Each run waits or is over, and the package
// ends within forty runs.
func TestDecide_HonestEvidence_Ends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.unread, w.gone = nil, 0
		honest := w.play(t, false)
		honest.racing = nil
		honest.listed.Session.Counted = true
		honest.list, honest.own = w.honest(&honest.listed.Session)
		for range 40 {
			wait, over := honest.run()
			if over {
				return
			}
			w.now = w.now.Add(40 * time.Minute)
			next := w.play(t, false)
			next.racing, next.list, next.own, next.listed.Session = nil, honest.list, honest.own, honest.listed.Session
			honest = next
			if wait == nil {
				t.Fatal("the run neither waits nor is over")
			}
		}
		t.Errorf("after 40 runs the package has not ended; the last decisions are %+v", honest.decided)
	})
}
