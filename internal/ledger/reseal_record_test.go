package ledger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReseal_AnInvoiceThatWaits_IsReadAndFoundWithTheNewKeyAlone(t *testing.T) {
	w := oneWorld(t)
	first := w.Ledger
	w.Ledger = w.sealing(1)
	doc := w.fresh()
	doc.File, doc.Ref = "Kowalski.xml", "order 7"
	inv := w.take(doc)[0]
	w.must(w.Wait(ctx(), &inv))
	inv = w.again(inv)
	if raw := w.raw(); strings.Contains(raw, "Kowalski") || strings.Contains(raw, "order 7") {
		t.Error("Redis has a text of the invoice in clear")
	}
	rotated := w.sealing(2, 1)
	for round, want := range []int{1, 0} {
		if n, err := rotated.Reseal(ctx(), 100); n != want || err != nil {
			t.Errorf("round %d sealed %d entries again (error %v), want one in the first round only", round, n, err)
		}
	}
	only := w.sealing(2)
	got, err := only.Invoice(ctx(), inv.ID)
	w.must(err)
	if d := cmp.Diff(inv, got); d != "" {
		t.Error(d)
	}
	if ids, err := only.ByRef(ctx(), "order 7", sellerA); err != nil || len(ids) != 1 {
		t.Errorf("the ref finds %v (error %v), want the one invoice", ids, err)
	}
	tally, err := only.SealTally(ctx())
	w.must(err)
	if old := ring(t, 1).KeyIDs()[0]; tally.Needs(old) != 0 || tally.Texts[ring(t, 2).KeyIDs()[0]] != 2 {
		t.Errorf("the texts are sealed with %+v, want two with the new key", tally)
	}
	w.Ledger = only
	w.must(w.ChangeTerms(ctx(), &got, NewTerms{Offline: true}))
	if tally, err = only.SealTally(ctx()); err != nil || tally.Texts[ring(t, 2).KeyIDs()[0]] != 2 {
		t.Errorf("after a change of terms the texts are sealed with %+v (error %v), want two with the new key", tally, err)
	}
	if again := w.again(got); !again.Offline || again.File != doc.File || again.Ref != doc.Ref {
		t.Errorf("after a change of terms the entry is %+v, want it offline, with its file name and ref", again)
	}
	w.Ledger = first
}

// Two processes seal the same record again at the same time. The record that the first process
// wrote stays, and it can be read.
func TestReseal_TheRecordHasChangedSinceItWasRead_StaysAsItIs(t *testing.T) {
	w := oneWorld(t)
	first := w.Ledger
	w.Ledger = w.sealing(1)
	doc := w.fresh()
	doc.File = "Kowalski.xml"
	inv := w.take(doc)[0]
	rotated, other := w.sealing(2, 1), w.sealing(2, 1)
	w.must(w.LoadScripts(ctx()))
	w.rdb.AddHook(&beforePiece{script: resealScript, n: 1, act: func() error {
		_, err := other.Reseal(ctx(), 100)
		return err
	}})
	if _, err := rotated.Reseal(ctx(), 100); err != nil {
		t.Error(err)
	}
	got, err := w.sealing(2).Invoice(ctx(), inv.ID)
	if err != nil || got.File != doc.File {
		t.Errorf("with the new key alone the entry is read as %+v (error %v), want it with its file name", got, err)
	}
	w.Ledger = first
}
