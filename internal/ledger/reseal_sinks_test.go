package ledger

import (
	"testing"
	"time"
)

// The reasons of outcomes are sealed, both in the outbox and where receivers have not taken them.
// After a change of keys, the sweep seals the receivers' outcomes again, with the new key. The
// outcomes in the outbox stay sealed with the old key. The old key may be removed only when they
// have left the outbox.
func TestReseal_OutcomesThatSinksHaveNotTaken_AreReadableWithTheNewKeyAlone(t *testing.T) {
	w := oneWorld(t)
	writing := func(keys ...byte) *Ledger {
		return New(w.rdb, Options{Prefix: w.prefix, Now: w.now, Outbox: 1000, Texts: ring(t, keys...)})
	}
	w.must(w.Declare(ctx(), ring(t, 7)))
	old := writing(7)
	doc := w.fresh()
	res, err := old.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	w.must(old.Move(ctx(), Move{ID: doc.ID, Rev: res[0].Rev, To: Rejected, Edit: Edit{{"reason", quoted + " is wrong"}}}))
	outcomes, err := old.Outcomes(ctx(), "", 10)
	if w.must(err); len(outcomes) != 1 || !isSealedText(outcomes[0].Reason) {
		t.Fatalf("outcomes are %+v, want one with a sealed reason", outcomes)
	}
	held := Held{Outcome: outcomes[0], First: 1, Attempts: 1, Err: quoted + " is unknown here"}
	behind := Held{Outcome: outcomes[0]}
	for _, sink := range []string{"erp", "removed"} {
		ok, err := old.ChangeSink(ctx(), sink, SinkChange{State: &SinkState{Cursor: outcomes[0].At, Err: held.Err},
			Hold: map[string][]Held{doc.ID: {held, behind}}, Fail: []Held{held}})
		if w.must(err); !ok {
			t.Fatal("the change of the sink was not recorded")
		}
	}
	oldKey, newKey := ring(t, 7).KeyIDs()[0], ring(t, 8).KeyIDs()[0]
	tally := func() [2]int64 {
		counts, err := w.SealTally(ctx())
		w.must(err)
		return [2]int64{counts.Texts[oldKey], counts.Texts[newKey]}
	}
	// Each sink has the text of its last error, three texts of held outcomes, and two texts of an
	// outcome that was given up. The other three texts are the reason of the outcome in the outbox,
	// and the file name and the reason of the entry.
	if got := tally(); got != [2]int64{2*6 + 3, 0} {
		t.Errorf("sealed with the old and the new key: %v, want 15 and none", got)
	}
	fresh := writing(8, 7)
	for range 3 {
		_, err := fresh.Reseal(ctx(), 100)
		w.must(err)
	}
	if got := tally(); got != [2]int64{1, 2*6 + 2} {
		t.Errorf("sealed with the old and the new key: %v, want 1 text in the outbox and the other 14", got)
	}
	w.must(w.Declare(ctx(), ring(t, 8, 7)))
	if refused := refusal(t, w.Declare(ctx(), ring(t, 8))); refused.Waiting != 1 {
		t.Errorf("declaring the new key alone gives %v, want a refusal because of one text", refused)
	}
	inAWeek := New(w.rdb, Options{Prefix: w.prefix, Now: func() time.Time { return time.Now().Add(8 * 24 * time.Hour) }})
	w.must(inAWeek.TrimOutbox(ctx(), 7*24*time.Hour))
	w.must(w.Declare(ctx(), ring(t, 8)))
	alone := writing(8)
	for _, sink := range []string{"erp", "removed"} {
		there, _, err := alone.NotTaken(ctx(), sink, []string{doc.ID})
		w.must(err)
		failed, err := alone.Failed(ctx(), sink, 10)
		w.must(err)
		state, err := alone.Sink(ctx(), sink)
		w.must(err)
		list := there[doc.ID]
		if len(list) != 2 || len(failed) != 1 || list[0].Err != held.Err || failed[0].Err != held.Err || state.Err != held.Err {
			t.Fatalf("read with the new key alone: held %+v, given up %+v, state %+v: want two, one, and each error in clear",
				list, failed, state)
		}
		for _, h := range append(list, failed...) {
			if got := openReason(alone.store, h.ID, h.Reason); got != quoted+" is wrong" {
				t.Errorf("the reason is read as %q, want the one that was sealed", got)
			}
		}
	}
}

// Outcomes that were set aside while the outbox was sick need their key, like the outcomes in the
// outbox.
func TestSealTally_OutcomesAreSetAside_TheirReasonsCount(t *testing.T) {
	w := oneWorld(quiet{t})
	w.must(w.Declare(ctx(), ring(t, 7)))
	old := New(w.rdb, Options{Prefix: w.prefix, Now: w.now, Outbox: 1000, Texts: ring(t, 7)})
	overwrite(w, keyOutbox)
	doc := w.fresh()
	res, err := old.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	w.must(old.Move(ctx(), Move{ID: doc.ID, Rev: res[0].Rev, To: Rejected, Edit: Edit{{"reason", quoted + " is wrong"}}}))
	if _, err := w.SealTally(ctx()); SickSink(err) == nil {
		t.Errorf("while the outbox is sick, SealTally gives %v, want an error that names the key", err)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyOutbox)).Err())
	tally, err := w.SealTally(ctx())
	if w.must(err); tally.Texts[ring(t, 7).KeyIDs()[0]] != 3 {
		t.Errorf("sealed are %+v, want the file name and the reason of the entry, and the reason that is set aside", tally)
	}
}
