package ledger

import (
	"slices"
	"testing"
	"time"
)

// spoil replaces the value of a key by one of another type.
func (w *world) spoil(key string) {
	w.t.Helper()
	w.must(w.rdb.Del(ctx(), key).Err())
	w.must(w.rdb.SAdd(ctx(), key, "x").Err())
}

// A key that should name the invoice of an identity, or of a ref, holds another type. The key may
// have named an accepted invoice, so no document with that identity or ref may be taken in.
// Everything else goes on. When a person has deleted the key, it is written again as it was.
func TestSickNames_OneKey_AffectsOnlyItsInvoices(t *testing.T) {
	next := worlds(t)
	for _, of := range []string{"identity", "ref"} {
		for _, form := range []string{"not packed", "in a bucket"} {
			if of == "identity" && form == "in a bucket" {
				continue // an identity in a bucket has no key of its own
			}
			t.Run(of+" "+form, func(t *testing.T) {
				w := next(nil)
				w.t = t
				if form == "not packed" {
					before(w)
				}
				former := w.move(w.take(document(sellerA, "VAT", "1", "y"))[0], Rejected)
				inv, other := w.receipt(w.accepted("1", "order 7", "a.xml")), w.receipt(w.accepted("2", "", "b.xml"))
				key, rival := w.key(keyIdentity, Identity{sellerA, "VAT", "1"}.digest()), document(sellerA, "VAT", "1", "z")
				if of == "ref" {
					key, rival = w.key(keyRef, refDigests(w.store, sellerA, "order 7")[0]), document(sellerA, "VAT", "4", "z")
					rival.Ref = "order 7"
				}
				w.spoil(key)
				same := document(sellerA, "VAT", "1", "x")
				same.Ref = "order 7"
				res, err := w.Take(ctx(), []NewInvoice{same, rival, document(sellerA, "VAT", "3", "x")})
				if err != nil || res[0].Taken != Present || res[1].Taken != Unread || res[2].Taken != Created {
					t.Fatalf("handed in: %+v (error %v), want present, unread and created", res, err)
				}
				if w.rdb.Type(ctx(), key).Val() != "set" {
					t.Error("Take has overwritten the sick key")
				}
				if may, err := w.MayRetry(ctx(), &former); may || err != nil {
					t.Errorf("an earlier document of the number may be retried: %v (error %v), want false", may, err)
				}
				former = w.again(former)
				w.conflict(w.Retry(ctx(), &former))
				sick, err := w.SickKeys(ctx())
				if err != nil || len(sick) != 1 || w.key(sick[0].Key) != key {
					t.Errorf("the sick keys are %v (error %v), want only the spoiled key", sick, err)
				}
				if _, err := w.Reindex(ctx()); err != nil {
					t.Errorf("Reindex gives the error %v, want none", err)
				}
				w.must(w.rdb.Del(ctx(), key).Err()) // as a person would
				_, err = w.RecheckUnreadable(ctx(), 100)
				w.must(err)
				want := map[string]Taken{"identity": Refused, "ref": RefUsed}[of]
				if res, err := w.Take(ctx(), []NewInvoice{rival}); err != nil || res[0].Taken != want {
					t.Errorf("handed in after the key was deleted, the rival gives %+v (error %v), want it refused", res, err)
				}
				w.spoil(key)
				w.later(time.Hour)
				if _, err := w.pruneBefore(noon.Add(30*time.Minute), 100); err != nil {
					t.Errorf("Prune gives the error %v, want none", err)
				}
				if known, err := w.Known(ctx(), []string{inv.ID, other.ID}); err != nil || known[0] || known[1] {
					t.Errorf("the pruned invoices are known: %v (error %v), want neither", known, err)
				}
			})
		}
	}
}

// While storage keys are rotated, sick keys of refs do not prevent any text from being sealed
// again.
func TestSickNames_ARefWhileKeysAreRotated_TheOthersAreSealedAgain(t *testing.T) {
	w := unaudited(t)
	first := w.Ledger
	w.Ledger = w.sealing(1)
	w.must(w.rdb.Set(ctx(), w.key(keyHome), homeBefore, 0).Err())
	docs := []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "2", "x"), document(sellerA, "VAT", "3", "x")}
	for i, ref := range []string{"order 1", "order 2", "order 3"} {
		docs[i].Ref = ref
	}
	w.take(docs...)
	for _, ref := range []string{"order 1", "order 2"} {
		w.spoil(w.key(keyRef, refDigests(w.store, sellerA, ref)[0]))
	}
	rotated := w.sealing(2, 1)
	for range 2 {
		if _, err := rotated.Reseal(ctx(), 100); err != nil {
			t.Fatal(err)
		}
	}
	tally, err := rotated.SealTally(ctx())
	if old := w.store.texts.KeyIDs(); err != nil || tally.Needs(old[0]) != 0 {
		t.Errorf("%d texts still need the first of the old keys %v (error %v), want none", tally.Needs(old[0]), old, err)
	}
	w.Ledger = first
}

// A key that names invoices by their number holds another type. Nobody is told that there is no
// such invoice, and the invoices that other keys name are found.
func TestByNumber_KeyIsSick_IsNamedAndNoAbsenceIsClaimed(t *testing.T) {
	next := worlds(t)
	digest := Identity{sellerA, "VAT", "1"}.digest()
	bucket, _ := identityBucket(digest)
	for _, c := range []struct {
		key   string
		found int // of the two invoices of the number, that of sellerA and that of sellerB
	}{{keyIdentity + digest, 1}, {keyIdentities + bucket, 2}, {keyRevisions + digest, 2}, {keySellers, 0}} {
		t.Run(c.key, func(t *testing.T) {
			w := next(nil)
			w.t = t
			w.take(document(sellerA, "VAT", "1", "x"), document(sellerB, "VAT", "1", "x"), document(sellerA, "VAT", "2", "x"))
			w.must(w.rdb.Del(ctx(), w.key(c.key)).Err())
			w.must(w.rdb.RPush(ctx(), w.key(c.key), "foreign").Err())
			ids, err := w.ByNumber(ctx(), "1")
			sick, other := Skip(err)
			if other != nil || len(sick) != 1 || sick[0].Key != c.key || !sick[0].Shared() || len(ids) != c.found {
				t.Errorf("number 1 finds %v with the error %v, want %d invoices and the key %s", ids, err, c.found, c.key)
			}
			if named, err := w.SickKeys(ctx()); err != nil || len(named) != 1 || named[0].Key != c.key {
				t.Errorf("the sick keys are %v (error %v), want %s for the sweep", named, err, c.key)
			}
			if ids, err := w.ByNumber(ctx(), "2"); c.key != keySellers && (err != nil || len(ids) != 1) {
				t.Errorf("number 2 finds %v (error %v), want its one invoice", ids, err)
			}
		})
	}
}

// A list of sick keys may be old. WellAgain returns those of its keys that are well now or gone,
// and no keys of entries or names of records.
func TestWellAgain_SomeKeysWereMended_OnlyTheseAreReturned(t *testing.T) {
	w := oneWorld(quiet{t})
	inv := w.invoiceIn(Queued)
	w.must(w.rdb.Set(ctx(), w.key(keyOutbox), "foreign", 0).Err())
	w.must(w.rdb.Set(ctx(), w.key(keyRefused, "A"), "foreign", 0).Err())
	named := []string{keyOutbox, keyHolds, keyState + string(Queued), keyFinal + "ab", keyRefused + "A", keyRefused + "A|ref-a",
		keyInvoice + inv.ID, anyIndex}
	well, err := w.WellAgain(ctx(), named)
	slices.Sort(well)
	if want := []string{keyFinal + "ab", keyHolds, keyState + string(Queued)}; err != nil || !slices.Equal(well, want) {
		t.Errorf("the keys that are well again are %q (error %v), want %q", well, err, want)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyRefused, "A")).Err())
}
