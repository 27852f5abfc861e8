package ledger

import (
	"errors"
	"strings"
	"testing"
)

// damages are the ways in which the key of the shapes can be damaged.
var damages = map[string]func(w *world){
	"another type": func(w *world) { w.rdb.Del(ctx(), w.key(keyShapes)); w.rdb.Set(ctx(), w.key(keyShapes), "x", 0) },
	"gone":         func(w *world) { w.rdb.Del(ctx(), w.key(keyShapes)) },
	"damaged": func(w *world) {
		for _, field := range w.rdb.HKeys(ctx(), w.key(keyShapes)).Val() {
			w.rdb.HSet(ctx(), w.key(keyShapes), field, `{"t":"9999999999"}`)
		}
	},
}

// While the key of the shapes is damaged, a process that never read the shapes cannot read
// receipted entries, which are packed. The error names these entries, and the other entries are
// listed. A process that read the shapes earlier can still read all entries. Its RecheckUnreadable
// writes the shapes again, except while the key is of another type.
func TestShapes_TheirKeyIsDamaged_PackedEntriesAreNamedAndTheOthersListed(t *testing.T) {
	next := worlds(t)
	for what, spoil := range damages {
		t.Run(what, func(t *testing.T) {
			w := next(quiet{t})
			packed := w.receipt(w.accepted("1", "", ""))
			waiting := w.take(document(sellerB, "VAT", "2", "x"))[0]
			spoil(w)
			other := New(w.rdb, Options{Prefix: w.prefix}) // a process that has read no shape yet
			ids := []string{packed.ID, waiting.ID}
			invs, err := other.Invoices(ctx(), ids)
			unread, rest := Skip(err)
			if rest != nil || len(invs) != 1 || invs[0].ID != waiting.ID || len(unread) != 1 || unread[0].ID != packed.ID {
				t.Fatalf("listed %d entries, unread %+v (error %v): want the waiting one listed and the packed one named",
					len(invs), unread, rest)
			}
			if !strings.Contains(unread[0].Err.Error(), "shapes") || unread[0].Undecided() {
				t.Errorf("the packed entry is reported as %+v, want a decided one that lacks its shape", unread[0])
			}
			if _, err := other.Invoice(ctx(), packed.ID); !errors.Is(err, errNoShape) {
				t.Errorf("reading the packed entry alone gives %v, want errNoShape", err)
			}
			taken, err := other.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "y"),
				document(sellerB, "VAT", "3", "x")})
			w.must(err)
			if taken[0].Taken != Unread || taken[1].Taken != Unread || taken[2].Taken != Created {
				t.Errorf("handed in again: %+v, want unread twice and the new one created", taken)
			}
			_, err = other.NoteUnreadable(ctx(), unread)
			w.must(err)

			if invs, err := w.Invoices(ctx(), ids); err != nil || len(invs) != 2 {
				t.Errorf("the process that knows the shape reads %d entries (error %v), want 2", len(invs), err)
			}
			w.rdb.Del(ctx(), w.key(keyShapes)) // as a person would
			if n, err := w.RecheckUnreadable(ctx(), 10); n != 1 || err != nil {
				t.Errorf("%d entries can be read again (error %v), want 1", n, err)
			}
			if invs, err := other.Invoices(ctx(), ids); err != nil || len(invs) != 2 {
				t.Errorf("afterwards %d entries are read (error %v), want 2", len(invs), err)
			}
		})
	}
}

// An invoice is receipted even when its entry cannot be packed.
func TestShapes_TheirKeyIsOfAnotherType_InvoicesAreReceiptedAndPackedLater(t *testing.T) {
	w := newWorld(quiet{t}, worlds(t)(quiet{t}).rdb, "shapes:")
	inv := w.accepted("1", "", "")
	w.rdb.Set(ctx(), w.key(keyShapes), "x", 0)
	if got := w.receipt(inv); got.State != Receipted || w.isPacked(inv.ID) {
		t.Fatalf("the invoice is %s and packed %v, want receipted and not packed", got.State, w.isPacked(inv.ID))
	}
	if n, err := w.Compact(ctx(), 10); n != 0 || err != nil {
		t.Errorf("%d entries were packed without a key for their shape (error %v), want none", n, err)
	}
	w.rdb.Del(ctx(), w.key(keyShapes))
	if n, err := w.Compact(ctx(), 10); n != 1 || err != nil {
		t.Errorf("afterwards %d entries were packed (error %v), want 1", n, err)
	}
}
