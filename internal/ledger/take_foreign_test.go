package ledger

import "testing"

// Somebody has removed an entry and written fields of another program under its key. Nobody knows
// what was there, so KSeF may have the invoice.
func TestTake_KeyHasOnlyForeignFields_IsDamagedAndNothingIsTakenInItsPlace(t *testing.T) {
	for _, where := range []string{"its own key", "its own key, and its bucket"} {
		t.Run(where, func(t *testing.T) {
			w := unaudited(t)
			inv := w.take(document(sellerA, "VAT", "1", "x"))[0]
			if where != "its own key" {
				inv = w.receipt(w.accepted("2", "", "a.xml"))
			}
			key := w.key(keyInvoice, inv.ID)
			w.must(w.rdb.Del(ctx(), key).Err())
			w.must(w.rdb.HSet(ctx(), key, "foo", "bar").Err())
			same := NewInvoice{Invoice: Invoice{Facts: inv.Facts, Hash: inv.Hash, Number: inv.Number}, Body: []byte("x")}
			fresh := w.fresh()
			res, err := w.Take(ctx(), []NewInvoice{same, document(inv.NIP, inv.Kind, inv.Number, "second"), fresh})
			w.must(err)
			for i, want := range []Taken{Unread, Unread, Created} {
				if res[i].Taken != want || res[i].Newer {
					t.Errorf("document %d: %+v, want %s and not newer", i, res[i], want)
				}
			}
			if fields := w.rdb.HGetAll(ctx(), key).Val(); len(fields) != 1 || fields["foo"] != "bar" {
				t.Errorf("the key has %v, want it unchanged", fields)
			}
			if alone, err := w.Take(ctx(), []NewInvoice{same}); err != nil || alone[0].Taken != Unread {
				t.Errorf("alone: %+v (error %v), want unread", alone, err)
			}
		})
	}
}

// An entry that is written between two reads of the same intake is not damaged.
func TestTake_EntryComesBetweenTwoReads_IsPresent(t *testing.T) {
	w := oneWorld(t)
	first, second := document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "2", "x")
	w.take(first)
	other := New(w.rdb, Options{Prefix: w.prefix, Now: w.now})
	hook := &betweenReads{act: func() {
		if _, err := other.Take(ctx(), []NewInvoice{second}); err != nil {
			t.Error(err)
		}
	}}
	w.rdb.AddHook(hook)
	res, err := w.Take(ctx(), []NewInvoice{first, second})
	w.must(err)
	if !hook.done || res[0].Taken != Present || res[1].Taken != Present {
		t.Errorf("the hook ran: %v; Take gives %+v, want both present", hook.done, res)
	}
}
