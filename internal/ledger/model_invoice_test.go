package ledger

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// Compact packs receipted entries, which changes nothing that a reader sees.
func (m *model) Compact(t *rapid.T) {
	m.touched = true
	if _, err := m.l.Compact(ctx(), 1000); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Take(t *rapid.T) {
	ident := fmt.Sprint("n", rapid.IntRange(0, 3).Draw(t, "number"))
	kind := rapid.SampledFrom([]string{"VAT", "KOR"}).Draw(t, "kind")
	doc := document(sellerA, kind, ident, fmt.Sprint("content ", rapid.IntRange(0, 2).Draw(t, "content")))
	doc.Size = int64(rapid.IntRange(1, 9).Draw(t, "size"))
	doc.Deadline = At(noon.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "hours")) * time.Hour))
	ident += kind
	want := TakeResult{Created, doc.ID, Queued, 0, 1, false, "", "", "", 0, false, ""}
	if have := m.invs[doc.ID]; have != nil {
		want = TakeResult{Present, doc.ID, have.state, have.rev, have.revision, false, "", "", "", have.created, false, ""}
	} else if id := m.newest[ident]; id != "" {
		cur := m.invs[id]
		want.Revision = cur.revision + 1
		if !cur.state.Ended() {
			want = TakeResult{Refused, id, cur.state, cur.rev, cur.revision, false, "", "", "", cur.created, false, ""}
		}
	}
	m.touched = true
	got, err := m.l.Take(ctx(), []NewInvoice{doc})
	if want.Taken == Created && len(got) == 1 {
		want.CreatedAt = got[0].CreatedAt
		want.Rev = want.CreatedAt.Time().Unix() - time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("taking in %s with id %s gives %+v (error %v), want %+v", ident, doc.ID, got, err, want)
	}
	if want.Taken == Created {
		m.invs[doc.ID] = &modelInvoice{
			state: Queued, rev: want.Rev, revision: want.Revision, created: want.CreatedAt,
			number: doc.Number, ident: ident, size: doc.Size, deadline: doc.Deadline,
		}
		m.newest[ident] = doc.ID
	}
}

func (m *model) ReadInvoice(t *rapid.T) {
	if id, ok := key(t, m.invs, "invoice"); ok {
		inv, err := m.l.Invoice(ctx(), id)
		if err != nil {
			t.Fatal(err)
		}
		m.actor().invs[id] = inv
	}
}

// copied draws an actor and its copy of an invoice, and returns the model's invoice too. The
// model's invoice is nil if the actor has read nothing yet. In that case the caller does nothing.
// The caller does not call Skip, because Skip would make rapid end the run.
func (m *model) copied(t *rapid.T) (*actor, Invoice, *modelInvoice) {
	a := m.actor()
	id, ok := key(t, a.invs, "invoice")
	if !ok {
		return a, Invoice{}, nil
	}
	return a, a.invs[id], m.invs[id]
}

func (m *model) Wait(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	if m.succeeds("wait", real.rev == inv.Rev && real.state == Queued, m.l.Wait(ctx(), &inv)) {
		real.rev, real.group = real.rev+1, groupA.Name()
	}
}

func (m *model) ChooseExpress(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	if m.succeeds("choose express", real.rev == inv.Rev && real.state == Queued, m.l.Move(ctx(), m.l.ExpressMove(&inv))) {
		real.rev, real.group = real.rev+1, ""
	}
}

var targets = []State{Queued, Unknown, Sent, Accepted, Receipted, Rejected, Parked, Dismissed}

func (m *model) Move(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	mv := Move{ID: inv.ID, Rev: inv.Rev, To: targets[pick(t, len(targets), "to")]}
	sensible := slices.DeleteFunc(slices.Clone(targets), func(to State) bool { return !MayMove(inv.State, to) })
	if len(sensible) > 0 && pick(t, 3, "sensible") > 0 {
		mv.To = sensible[pick(t, len(sensible), "to")]
	}
	if mv.To == Queued { // an invoice that leaves its package; Retry is another verb
		mv.From = []State{Packed, Sending, Unknown, Sent}
		mv.Edit = Edit{{"package", ""}}
	}
	if rapid.Bool().Draw(t, "in its package") {
		mv.In = inv.Package
	}
	if rapid.Bool().Draw(t, "any revision") {
		mv.Rev = 0
	}
	if mv.To == Receipted {
		mv.dropBody = true
	}
	legal := (mv.Rev == 0 || mv.Rev == real.rev) && (mv.In == "" || mv.In == real.pkg) &&
		slices.Contains(invoiceMoves[mv.To], real.state) && (mv.From == nil || slices.Contains(mv.From, real.state))
	if m.succeeds(fmt.Sprintf("move %s at %d to %s", real.state, real.rev, mv.To), legal, m.l.Move(ctx(), mv)) {
		real.state, real.rev, real.group = mv.To, real.rev+1, ""
		if mv.To == Queued {
			real.pkg = ""
		}
		m.supersede(inv.ID)
	}
}

// supersede updates the other documents of an identity after one was accepted or rejected.
func (m *model) supersede(id string) {
	by := m.invs[id].state
	for other, i := range m.invs {
		obsolete := by == Accepted && i.state.Open() || by == Rejected && i.state == Rejected
		if other != id && i.ident == m.invs[id].ident && obsolete {
			i.state, i.rev = Superseded, i.rev+1
		}
	}
}

func (m *model) Dismiss(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	legal := inv.Rev == real.rev && (real.state == Queued || real.state.Open())
	if m.succeeds("dismiss", legal, m.l.Dismiss(ctx(), &inv, Dismissal{By: "a", Reason: "b"})) {
		real.state, real.rev, real.group = Dismissed, real.rev+1, ""
	}
}

func (m *model) ChangeTerms(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	terms := NewTerms{
		Lane:     rapid.SampledFrom([]Lane{"", Bulk, Express}).Draw(t, "lane"),
		Deadline: At(noon.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "hours")) * time.Hour)),
	}
	legal := inv.Rev == real.rev && real.state == Queued
	if m.succeeds("change terms", legal, m.l.ChangeTerms(ctx(), &inv, terms)) {
		real.rev, real.deadline, real.group = real.rev+1, terms.Deadline, inv.Group
	}
}

func (m *model) Retry(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	other := m.invs[m.newest[real.ident]]
	free := inv.Rev == real.rev && (other == real || other.state.Ended())
	verb, legal, err := "retry", free && (real.state.Open() || real.state == Superseded), error(nil)
	if rapid.Bool().Draw(t, "take back") {
		verb, legal = "take back", free && real.state == Dismissed
		err = m.l.TakeBack(ctx(), &inv, "b")
	} else {
		err = m.l.Retry(ctx(), &inv)
	}
	if m.succeeds(verb, legal, err) {
		real.state, real.rev, real.pkg, real.left = Queued, real.rev+1, "", inv.Session
		m.newest[real.ident] = inv.ID
	}
}
