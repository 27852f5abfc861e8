package ledger

import "testing"

// Redis can increment "1", but refuses to increment "01". So an entry whose revision is "01" is
// damaged. The error names the damaged entry, and the other entries of the same call move.
func TestRevision_NotAsRedisWritesIt_TheEntryIsNamedAndTheOthersMove(t *testing.T) {
	next := worlds(t)
	for _, rev := range []string{"01", "+1", "-1", "0x1", "1.0", "1234567890123456"} {
		t.Run(rev, func(t *testing.T) {
			w := next(quiet{t})
			invs := w.take(w.fresh(), w.fresh(), w.fresh())
			w.rdb.HSet(ctx(), w.key(keyInvoice, invs[1].ID), "rev", rev)
			got, err := w.Invoices(ctx(), []string{invs[0].ID, invs[1].ID, invs[2].ID})
			unread, err := Skip(err)
			if err != nil || len(got) != 2 || len(unread) != 1 || unread[0].ID != invs[1].ID {
				t.Fatalf("read %d entries, unread %+v (error %v): want two, and the damaged one named", len(got), unread, err)
			}
			var moves []Move
			for i := range invs {
				moves = append(moves, w.WaitMove(&invs[i]))
			}
			errs, err := w.Apply(ctx(), moves)
			w.must(err)
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Errorf("the moves give %v, want an error for the damaged entry only", errs)
			}
			doc := document(invs[1].NIP, invs[1].Kind, invs[1].Number, "first")
			taken, err := w.Take(ctx(), []NewInvoice{doc})
			w.must(err)
			if taken[0].Taken != Unread {
				t.Errorf("handing in its document again gives %+v, want unread", taken[0])
			}
			p := w.packed(1)
			w.rdb.HSet(ctx(), w.key(keyPackage, p.ID), "rev", rev)
			if _, err := w.Package(ctx(), p.ID); err == nil {
				t.Error("a package with this revision is read")
			}
		})
	}
}
