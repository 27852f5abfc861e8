package ledger

import "testing"

// Another program put the entry of one invoice in the place of another one. The layout does not
// write the id, but the id follows from the seller, the kind, the number and the hash.
func TestRead_EntryHasTheFactsOfAnotherInvoice_IsDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		receipted bool
		spoil     func(w *world, from, to string)
	}{
		"not decided yet": {false, func(w *world, from, to string) {
			w.must(w.rdb.Copy(ctx(), w.key(keyInvoice, from), w.key(keyInvoice, to), 0, true).Err())
		}},
		"in a bucket": {true, func(w *world, from, to string) {
			fromBucket, fromField := w.bucketOf(from)
			toBucket, toField := w.bucketOf(to)
			value, err := w.rdb.HGet(ctx(), fromBucket, fromField).Result()
			w.must(err)
			w.must(w.rdb.HSet(ctx(), toBucket, toField, value).Err())
		}},
		"another number": {false, func(w *world, _, to string) {
			w.must(w.rdb.HSet(ctx(), w.key(keyInvoice, to), "number", "OTHER").Err())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := unaudited(t)
			one, two := document(sellerA, "VAT", "1", "x"), document(sellerB, "VAT", "2", "y")
			if c.receipted {
				w.receipt(w.accepted("1", "", "a.xml"))
				w.receipt(w.accepted("2", "", "b.xml"))
				two = document(sellerA, "VAT", "2", "x")
			} else {
				w.take(one, two)
			}
			c.spoil(w, two.ID, one.ID)
			if _, err := w.Invoice(ctx(), one.ID); !Damaged(err) {
				t.Errorf("reading the entry gives the error %v, want that it is damaged", err)
			}
			if _, err := w.Invoice(ctx(), two.ID); err != nil {
				t.Errorf("reading the other entry gives the error %v, want none", err)
			}
			if name == "another number" {
				return // Take knows the digest of the identity, which is right
			}
			if res, err := w.Take(ctx(), []NewInvoice{one}); err != nil || res[0].Taken != Unread {
				t.Errorf("the document handed in again is %+v, error %v; want unread", res, err)
			}
		})
	}
}

// The hash of a recovered invoice is that of KSeF's bytes, so its id does not follow from the hash.
func TestRead_RecoveredWithOtherBytes_IsSound(t *testing.T) {
	w := oneWorld(t)
	inv := w.take(document(sellerA, "VAT", "1", "x"))[0]
	w.must(w.Wait(ctx(), &inv))
	p := w.cut(groupA, CutLimits{Invoices: 1, Bytes: 1 << 40})
	for _, next := range packagePath[1:5] {
		w.step(&p, next)
	}
	inv = w.move(w.heldBy(p), Accepted, change{"ksef_number", "5265877635-20250826-0100001AF629-AF"}, change{"recovered", "1"},
		change{"hash", "p5N7ZLjKpY8Dchu2us9ceMsjX+vg5wsbhM2ZVBRhoI4="})
	if got := w.again(inv); got.IDWith(got.Hash) == got.ID || !got.Recovered {
		t.Fatalf("the entry is %+v, want one whose id does not follow from its hash", got)
	}
	if got := w.receipt(inv); got.State != Receipted || !w.isPacked(inv.ID) {
		t.Errorf("the invoice is %s, packed %v; want receipted and packed", got.State, w.isPacked(inv.ID))
	}
}
