package intake

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// withTerms hands a document in with terms.
func (g *gate) withTerms(d Document, terms Terms) Admission {
	g.t.Helper()
	out, err := g.Admit(g.t.Context(), []Document{d}, terms)
	g.must(err)
	return out[0]
}

func TestAdmit_OtherTermsForOneThatIsQueued_AreApplied(t *testing.T) {
	for _, c := range []struct {
		name  string
		terms Terms
		text  string // what the answer says
		is    func(ledger.Invoice) bool
	}{
		{"deadline", Terms{Deadline: monday.Add(5 * time.Hour)}, "deadline 2026-11-23 17:00",
			func(i ledger.Invoice) bool { return i.Deadline == ledger.At(monday.Add(5*time.Hour)) }},
		{"express", Terms{Lane: ledger.Express}, "lane express",
			func(i ledger.Invoice) bool { return i.Lane == ledger.Express && i.Group == "" }},
		{"bulk", Terms{Lane: ledger.Bulk}, "lane bulk", func(i ledger.Invoice) bool { return i.Lane == ledger.Bulk }},
		{"offline", Terms{Offline: true}, "offline", func(i ledger.Invoice) bool { return i.Offline }},
	} {
		for _, waits := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, ", waits ", waits), func(t *testing.T) {
				g := newGate(t, nil)
				d := numbered(1)
				inv := g.admit(d)[0].Invoice
				if waits {
					entry, err := g.Ledger.Invoice(t.Context(), inv.ID)
					g.must(err)
					g.must(g.Ledger.Wait(t.Context(), &entry))
				}
				got := g.withTerms(d, c.terms)
				now, err := g.Ledger.Invoice(t.Context(), inv.ID)
				g.must(err)
				if got.Taken != ledger.Present || !got.Terms.Applied || !strings.Contains(got.Terms.Text, c.text) || !c.is(now) {
					t.Errorf("the answer about the terms is %+v, the entry %+v; want the terms applied, and %q", got.Terms, now, c.text)
				}
				if waits && c.name != "express" && now.Group != now.WaitingGroup().Name() {
					t.Errorf("the invoice waits in the group %q, want that of its new terms", now.Group)
				}
				if now.Group == "" && !g.queued(now) {
					t.Error("the invoice neither waits in a group nor has a task")
				}
				// The same terms again, or no terms, change nothing.
				for _, terms := range []Terms{c.terms, {}} {
					if got := g.withTerms(d, terms); got.Terms != (TermsAnswer{}) || got.Invoice.Rev != now.Rev {
						t.Errorf("with the same terms again, or with none, the answer is %+v, want no change", got)
					}
				}
			})
		}
	}
}

func TestAdmit_OtherTermsForOneThatLeftTheQueue_AreReportedAsNotApplied(t *testing.T) {
	for s, says := range map[ledger.State]string{
		ledger.Packed: "on its way (packed)", ledger.Accepted: "KSeF has it already", ledger.Receipted: "KSeF has it already",
		ledger.Rejected: "enqueue retry inv-", ledger.Parked: "enqueue retry inv-", ledger.Dismissed: "it is dismissed",
	} {
		t.Run(string(s), func(t *testing.T) {
			g := newGate(t, nil)
			d := numbered(1)
			inv := g.admit(d)[0].Invoice
			g.end(inv, s, d.Data)
			g.unchanged(inv.ID, func() {
				got := g.withTerms(d, Terms{Deadline: monday.Add(5 * time.Hour)})
				if got.Taken != ledger.Present || got.Terms.Applied ||
					!strings.Contains(got.Terms.Text, "were not applied") || !strings.Contains(got.Terms.Text, says) {
					t.Errorf("the answer about the terms is %+v, want it to say that they were not applied, and %q", got.Terms, says)
				}
			})
		})
	}
}

func TestAdmit_OtherTermsForMany_EachGetsItsAnswer(t *testing.T) {
	g := newGate(t, nil)
	docs := []Document{numbered(1), numbered(2), numbered(1)}
	g.admit(docs...)
	out, err := g.Admit(t.Context(), append(slices.Clone(docs), numbered(3)), Terms{Deadline: monday.Add(5 * time.Hour)})
	g.must(err)
	for i, want := range []bool{true, true, true, false} {
		if out[i].Terms.Applied != want {
			t.Errorf("document %d: the answer about its terms is %+v, want them applied: %v", i+1, out[i].Terms, want)
		}
	}
}

// A call has the same document several times. Each one after the first is here already, and its
// terms are applied to the invoice as far as they can be.
func TestAdmit_RepeatedInOneCallWithOtherTerms_AreAppliedOrTold(t *testing.T) {
	g := newGate(t, nil)
	first, again, plain, late := numbered(1), numbered(1), numbered(1), numbered(1)
	due := monday.Add(5 * time.Hour)
	first.Ref, first.Terms = "SO-1", &Terms{Lane: ledger.Bulk}
	again.Ref, again.Terms = "SO-2", &Terms{Lane: ledger.Express, Deadline: due}
	late.Terms = &Terms{Offline: true}
	out := g.admit(first, again, plain)
	now, err := g.Ledger.Invoice(t.Context(), out[0].Invoice.ID)
	g.must(err)
	stats, err := g.Queue.Stats(1000)
	g.must(err)
	_, queued := stats.Of(queue.KindSubmit, now.ID, now.Rev)
	if out[0].Taken != ledger.Created || now.Lane != ledger.Express || now.Deadline != ledger.At(due) || !queued {
		t.Errorf("the first document: %+v, its entry: %+v, want lane express, the deadline and a task", out[0], now)
	}
	if a := out[1]; a.Taken != ledger.Present || !a.Terms.Applied || !strings.Contains(a.Terms.Text, "lane express") ||
		!strings.Contains(a.Terms.Text, "the invoice has ref SO-1") {
		t.Errorf("the second document of the call: %+v, want its lane applied, and its ref not", a)
	}
	for i := range out {
		if out[i].Invoice.Rev != now.Rev || i != 1 && out[i].Terms != (TermsAnswer{}) {
			t.Errorf("document %d: %+v, want revision %d, and an answer about terms for the second document alone", i, out[i], now.Rev)
		}
	}
	// Terms that come after the invoice has left the queue are not applied, and the answer says so.
	g.must(g.Ledger.Move(t.Context(), ledger.Move{ID: now.ID, To: ledger.Rejected, Edit: ledger.Because(450, "x")}))
	if a := g.admit(plain, late)[1]; a.Terms.Applied || !strings.Contains(a.Terms.Text, "were not applied") {
		t.Errorf("the late terms: %+v, want that they were not applied", a)
	}
}
