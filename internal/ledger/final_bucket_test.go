package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// packedBefore writes the entry of a receipted invoice as the build before buckets packed it. The
// entry has its own key and a record of layout 1, and its identity has a key, too.
func (w *world) packedBefore(inv Invoice) {
	w.t.Helper()
	shape, err := json.Marshal(shapeOf(&inv))
	w.must(err)
	bits := uint64(0)
	number, ofNIP := numberIn(inv.NIP, inv.KsefNumber)
	if ofNIP {
		bits |= bitNumberOfNIP
	}
	if shapeOf(&inv).UPO != "" {
		bits |= bitUPOOfShape
	}
	b := binary.AppendUvarint(append([]byte{1}, shapeDigest(string(shape))...), bits)
	for _, n := range []int64{int64(inv.Revision), int64(inv.CreatedAt), int64(inv.SoftDeadline - inv.CreatedAt),
		int64(inv.Deadline - inv.CreatedAt), int64(inv.UpdatedAt - inv.CreatedAt), int64(inv.AcceptedAt), inv.Size, int64(inv.Attempts),
		int64(inv.Resends), int64(inv.FailedSessions), int64(inv.Denied), int64(inv.Code)} {
		b = binary.AppendVarint(b, n)
	}
	for _, word := range []string{inv.Hash, inv.Number, inv.IssueDate, number, inv.Session, inv.Package} {
		b = appendWord(b, word)
	}
	b = appendWord(binary.AppendUvarint(b, 1<<1), inv.File)
	fields := []any{"state", string(Receipted), "rev", inv.Rev, "facts", finalFacts, identField, identBytes(&inv)}
	for k, piece := range piecesOf(b) {
		fields = append(fields, strconv.Itoa(k), piece)
	}
	ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
	bucket, field := w.bucketOf(inv.ID)
	name, digest := identityBucket(ident)
	_, err = w.rdb.TxPipelined(ctx(), func(p redis.Pipeliner) error {
		p.HDel(ctx(), bucket, field)
		p.HDel(ctx(), w.key(keyIdentities, name), digest)
		p.HSet(ctx(), w.key(keyInvoice, inv.ID), fields...)
		p.Set(ctx(), w.key(keyIdentity, ident), inv.ID, 0)
		return nil
	})
	w.must(err)
}

// unaudited is a world whose indexes are not checked at the end, for entries that are spoiled.
func unaudited(t *testing.T) *world {
	w := worlds(t)(nil)
	w.t = t
	return w
}

func TestBuckets_AnOlderBuildPackedIt_ReadsTheSameAndTheSweepMovesIt(t *testing.T) {
	w := oneWorld(t)
	inv := w.receipt(w.accepted("1", "", "a.xml"))
	w.packedBefore(inv)
	if d := cmp.Diff(inv, w.again(inv)); d != "" {
		t.Error(d)
	}
	if res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x")}); err != nil || res[0].Taken != Present {
		t.Errorf("handed in again: %+v (error %v), want present", res, err)
	}
	if n, err := w.Counts(ctx()); err != nil || n[string(Receipted)] != 1 {
		t.Errorf("the counts are %v (error %v), want one receipted invoice", n, err)
	}
	if n, err := w.Compact(ctx(), 100); n != 1 || err != nil || !w.isPacked(inv.ID) {
		t.Errorf("packed %d entries (error %v), want 1, in its bucket", n, err)
	}
	if d := cmp.Diff(inv, w.again(inv)); d != "" {
		t.Error(d)
	}
}

func TestBuckets_AnEntryThatLeavesItsBucket_StaysFoundAndGoesBack(t *testing.T) {
	w := oneWorld(t)
	inv := w.receipt(w.accepted("1", "order 7", "a.xml"))
	if n, err := w.thaw(ctx(), []string{inv.ID, "inv-x", InvoiceID(Identity{}, [32]byte{})}); n != 1 || err != nil {
		t.Fatalf("moved %d entries out of their buckets (error %v), want 1", n, err)
	}
	for _, packed := range []bool{false, true} {
		ids, err := w.ByNumber(ctx(), "1")
		w.must(err)
		known, err := w.Known(ctx(), []string{inv.ID})
		w.must(err)
		if d := cmp.Diff(inv, w.again(inv)); d != "" || len(ids) != 1 || ids[0] != inv.ID || !known[0] || w.isPacked(inv.ID) != packed {
			t.Errorf("packed %v, want %v; the number finds %v, want %s; known %v, want true; the entry (-want +got):\n%s",
				w.isPacked(inv.ID), packed, ids, inv.ID, known[0], d)
		}
		res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "y")})
		if err != nil || res[0].Taken != Present || res[1].Taken != Refused || res[1].ID != inv.ID {
			t.Errorf("packed %v: the same document and another one of its number: %+v (error %v), want present and refused",
				packed, res, err)
		}
		_, err = w.Compact(ctx(), 100)
		w.must(err)
	}
}

func TestBuckets_TheirIndexesAreLost_ReindexFindsThemAgain(t *testing.T) {
	w := oneWorld(t)
	a, b := w.receipt(w.accepted("1", "", "a.xml")), w.receipt(w.accepted("2", "order 7", "b.xml"))
	before := snapshotOf(t, w.rdb, w.prefix)
	w.must(w.rdb.Del(ctx(), w.rdb.Keys(ctx(), w.prefix+"idents:*").Val()...).Err())
	if res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x")}); err != nil || res[0].Taken != Present {
		t.Errorf("handed in while its identity is lost, the document gives %+v (error %v), want present", res, err)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyState, string(Receipted)), w.key(keySellers)).Err())
	if n, err := w.Reindex(ctx()); n != 4 || err != nil {
		t.Errorf("Reindex found %d places missing (error %v), want 4", n, err)
	}
	w.unchangedSince(before)
	for _, inv := range []Invoice{a, b} {
		if ids, err := w.ByNumber(ctx(), inv.Number); err != nil || len(ids) != 1 || ids[0] != inv.ID {
			t.Errorf("number %s finds %v (error %v), want the one invoice", inv.Number, ids, err)
		}
	}
}

// A sick bucket may hold the entry or the identity of a document that is handed in. So a document
// whose entry or identity would be in that bucket is not taken in. Everything else goes on.
func TestBuckets_OneHoldsAnotherType_AffectsOnlyWhatBelongsThere(t *testing.T) {
	for _, of := range []string{"entry", "identity"} {
		t.Run(of, func(t *testing.T) {
			w := unaudited(t)
			inv := w.receipt(w.accepted("1", "", "a.xml"))
			key, _ := w.bucketOf(inv.ID)
			if of == "identity" {
				name, _ := identityBucket(Identity{inv.NIP, inv.Kind, inv.Number}.digest())
				key = w.key(keyIdentities, name)
			}
			w.must(w.rdb.Del(ctx(), key).Err())
			w.must(w.rdb.Set(ctx(), key, "x", 0).Err())
			same := map[string]Taken{"entry": Unread, "identity": Present}[of]
			res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "2", "x"),
				document(sellerA, "VAT", "1", "y")})
			if err != nil || res[0].Taken != same || res[1].Taken != Created || res[2].Taken != Unread {
				t.Errorf("handed in: %+v (error %v), want only the second document created, which belongs to no sick bucket", res, err)
			}
			got, err := w.Invoices(ctx(), []string{inv.ID, res[1].ID})
			unread, other := Skip(err)
			if other != nil || (of == "entry") != (len(unread) == 1 && unread[0].Opaque && len(got) == 1) {
				t.Errorf("read %d entries (error %v), want an entry left out only if it is in the sick bucket", len(got), err)
			}
			sick, err := w.SickKeys(ctx())
			if err != nil || len(sick) != 1 || w.key(sick[0].Key) != key {
				t.Errorf("the sick keys are %v (error %v), want the one bucket", sick, err)
			}
			next := w.receipt(w.accepted("3", "", "c.xml"))
			if next.State != Receipted {
				t.Errorf("an invoice outside the sick bucket is %s, want receipted", next.State)
			}
			if n, err := w.Prune(ctx(), time.Hour, 100); n != 0 || err != nil {
				t.Errorf("pruned %d entries (error %v), want none", n, err)
			}
			w.must(w.rdb.Del(ctx(), key).Err()) // as a person would
			_, err = w.RecheckUnreadable(ctx(), 100)
			w.must(err)
			if ids, err := w.ByNumber(ctx(), "1"); err != nil || len(ids) != 1 {
				t.Errorf("the number finds %v (error %v), want the invoice again", ids, err)
			}
		})
	}
}

func TestBuckets_AnInvoiceIsToBeRetriedBesideAPackedOne_TheMoveIsRefused(t *testing.T) {
	w := oneWorld(t)
	first := w.move(w.take(document(sellerA, "VAT", "1", "y"))[0], Rejected)
	second := w.receipt(w.accepted("1", "", "a.xml"))
	first = w.again(first)
	if may, err := w.MayRetry(ctx(), &first); may || err != nil {
		t.Errorf("the invoice may be retried: %v (error %v), want false beside a receipted one", may, err)
	}
	w.conflict(w.Retry(ctx(), &first))
	newest, err := w.NewestOf(ctx(), []Invoice{first})
	if got := newest[first.ID]; err != nil || got != (Newest{second.ID, Receipted}) {
		t.Errorf("the newest document is %+v (error %v), want the receipted one", got, err)
	}
}

func TestFrozenValue_OfANewerBuild_IsLeftAlone(t *testing.T) {
	w := unaudited(t)
	inv := w.receipt(w.accepted("1", "", "a.xml"))
	key, field := w.bucketOf(inv.ID)
	for value, newer := range map[string]bool{"\x037 \x00what a newer build writes": true, "\x089 \x00": true, "\x02": false,
		"\x021 \x80": false, "\x021 \x01short": false, "x": false, "rubbish \xff\x00": false, "77 \x00": false, "\x097 \x00x": false,
		"\x03": false, "\x03what": false, "\x03what is this": false, "\x0307 \x00x": false, "\x030 \x00x": false,
		"\x037 \x01short": false} {
		w.must(w.rdb.HSet(ctx(), key, field, value).Err())
		_, err := w.Invoice(ctx(), inv.ID)
		unread, _ := Skip(err)
		if len(unread) != 1 || newer != errors.Is(unread[0].Err, ErrNewer) || newer == Damaged(unread[0].Err) {
			t.Errorf("value %q is read with the error %v, want ErrNewer only for a newer layout", value, err)
		}
		res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x")})
		if err != nil || res[0].Taken != Unread || res[0].Newer != newer {
			t.Errorf("value %q: handed in again: %+v (error %v), want unread", value, res, err)
		}
		if n, err := w.Prune(ctx(), 0, 100); n != 0 || err != nil || w.rdb.HGet(ctx(), key, field).Val() != value {
			t.Errorf("value %q: pruned %d entries (error %v), want none, and the value unchanged", value, n, err)
		}
	}
}
