package ledger

import (
	"slices"
	"testing"
)

func TestTake_AskEnded_RejectedDocumentRefusesTheNewOneUntilTheCallerHasCompared(t *testing.T) {
	w := oneWorld(t)
	first := w.invoiceIn(Rejected)
	doc := document(first.NIP, first.Kind, first.Number, "second")
	doc.AskEnded = true
	w.unchanged(func() {
		res, err := w.Take(ctx(), []NewInvoice{doc})
		w.must(err)
		if want := (TakeResult{Refused, first.ID, Rejected, first.Rev, 1, false, "", "", "", first.CreatedAt, false, ""}); res[0] != want {
			t.Errorf("with AskEnded Take gives %+v, want %+v", res[0], want)
		}
	})
	again := document(first.NIP, first.Kind, first.Number, "first")
	again.AskEnded = true
	doc.AskEnded = false
	res, err := w.Take(ctx(), []NewInvoice{again, doc})
	w.must(err)
	second := w.read(doc.ID)[0]
	want := []TakeResult{
		{Present, first.ID, Rejected, first.Rev, 1, false, "", "", "", first.CreatedAt, false, ""},
		{Created, doc.ID, Queued, second.Rev, 2, false, "", "", "", second.CreatedAt, false, ""},
	}
	if !second.Fresh() || !slices.Equal(res, want) {
		t.Errorf("the first document with AskEnded and the second without it give %+v, want %+v", res, want)
	}
}

func TestKnown_ReportsForEachIDWhetherThereIsAnEntry(t *testing.T) {
	w := oneWorld(t)
	inv := w.invoiceIn(Queued)
	got, err := w.Known(ctx(), []string{"inv-none", inv.ID, "inv-other"})
	w.must(err)
	if !slices.Equal(got, []bool{false, true, false}) {
		t.Errorf("Known gives %v, want false, true, false", got)
	}
	if got, err := w.Known(ctx(), nil); err != nil || len(got) != 0 {
		t.Errorf("Known of no ids gives %v (error %v), want nothing", got, err)
	}
}

// KSeF may hold an invoice in other bytes than those that were handed in. The verification link
// must contain the hash of KSeF's bytes. Therefore KSeF's hash replaces ours in the entry.
func TestInvoice_HashOfTheDocumentThatKSeFHas_ReplacesOurs(t *testing.T) {
	w := oneWorld(t)
	inv := w.invoiceIn(Sent)
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: Accepted, Edit: Edit{{"hash", "KSeF's"}, {"recovered", true}}}))
	got, err := w.Invoice(ctx(), inv.ID)
	w.must(err)
	if got.Hash != "KSeF's" || inv.Hash == "" || inv.Hash == got.Hash {
		t.Errorf("the hash was %q and is %q, want KSeF's", inv.Hash, got.Hash)
	}
}
