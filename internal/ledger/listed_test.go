package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	gocmp "github.com/google/go-cmp/cmp"
)

// sameAsInvoices fails the test if Listed and Invoices differ about the ids. It returns what Listed
// returns.
func sameAsInvoices(w *world, ids []string) []Invoice {
	w.t.Helper()
	got, gotErr := w.Listed(ctx(), ids)
	want, wantErr := w.Invoices(ctx(), ids)
	if d := gocmp.Diff(want, got); d != "" {
		w.t.Error(d)
	}
	sick := func(err error) (out []string) {
		unread, other := Skip(err)
		w.must(other)
		for _, u := range unread {
			out = append(out, fmt.Sprintf("%s %s %v %v %s", u.ID, u.Key, u.Err, u.Opaque, u.State))
		}
		return slices.Sorted(slices.Values(out))
	}
	if d := gocmp.Diff(sick(wantErr), sick(gotErr)); d != "" {
		w.t.Error(d)
	}
	return got
}

func TestListed_EntriesOfEveryKind_AreReadAsInvoicesReadsThem(t *testing.T) {
	w := unaudited(t)
	var ids []string
	for i := range 8 {
		ids = append(ids, w.receipt(w.accepted(fmt.Sprint(i), strings.Repeat("r", i), "a.xml")).ID)
	}
	ids = append(ids, w.take(w.fresh())[0].ID, "inv-nobody", InvoiceID(Identity{}, [32]byte{}), w.take(w.fresh())[0].ID, ids[0])
	if got := sameAsInvoices(w, ids); len(got) != 11 {
		t.Fatalf("Listed read %d entries, want 11", len(got))
	}
	_, err := w.thaw(ctx(), ids[2:3])
	w.must(err)
	spoil := func(i int, value string) {
		key, field := w.bucketOf(ids[i])
		w.must(w.rdb.HSet(ctx(), key, field, value).Err())
	}
	spoil(3, "\x037 \x00what a newer build writes")
	spoil(4, "\x021 \x01short")
	key, field := w.bucketOf(ids[5])
	spoil(5, strings.Replace(w.rdb.HGet(ctx(), key, field).Val(), "\x02", "\x020", 1)) // a revision with a zero before it
	sick, _ := w.bucketOf(ids[6])
	w.must(w.rdb.Del(ctx(), sick).Err())
	w.must(w.rdb.Set(ctx(), sick, "x", 0).Err())
	if got := sameAsInvoices(w, ids); len(got) > 7 { // other entries may be in the sick bucket too
		t.Errorf("Listed read %d entries, want at most the 7 that are not spoiled", len(got))
	}
	if got, err := w.Listed(ctx(), nil); len(got) != 0 || err != nil {
		t.Errorf("Listed of no ids gives %v (error %v), want nothing", got, err)
	}
}

// Only a fault leaves an entry both in a bucket and under a key of its own. Readers and scripts
// then use the entry under its own key.
func TestListed_AnEntryIsInItsBucketAndHasAKey_TheKeyCounts(t *testing.T) {
	w := unaudited(t)
	inv, other := w.receipt(w.accepted("1", "", "a.xml")), w.receipt(w.accepted("2", "", "b.xml"))
	key, field := w.bucketOf(inv.ID)
	value := w.rdb.HGet(ctx(), key, field).Val()
	_, err := w.thaw(ctx(), []string{inv.ID})
	w.must(err)
	w.must(w.rdb.HSet(ctx(), key, field, value).Err())
	w.must(w.rdb.HSet(ctx(), w.key(keyInvoice, inv.ID), "reason", "later").Err())
	if got := sameAsInvoices(w, []string{other.ID, inv.ID}); len(got) != 2 || got[1].Reason != "later" {
		t.Errorf("Listed read %+v, want the reason of the entry with its own key", got)
	}
}

func TestListed_ManyEntries_TakesOneRoundTripForEachPiece(t *testing.T) {
	w := unaudited(t) // because receiptedEntries writes other times to the index than to the entries
	const n = 2*listedPiece + 7
	w.must(w.LoadScripts(ctx()))
	receiptedEntries(w, n)
	buckets, err := w.rdb.Keys(ctx(), w.key(keyFinal, "*")).Result()
	w.must(err)
	var ids []string
	for _, key := range buckets {
		for _, field := range slices.Sorted(maps.Keys(w.rdb.HGetAll(ctx(), key).Val())) {
			ids = append(ids, idIn(strings.TrimPrefix(key, w.key(keyFinal)), field))
		}
	}
	ids = ids[:n]
	fresh := New(w.rdb, Options{Prefix: w.prefix})
	count := &roundTrips{}
	w.rdb.AddHook(count)
	got, err := fresh.Listed(ctx(), ids)
	if err != nil || len(got) != n || count.n != 3+1 { // three pieces, and the shapes
		t.Errorf("read %d entries in %d round trips (error %v), want all, in a round trip for each piece and one for the shapes",
			len(got), count.n, err)
	}
}

// roundTrips counts the round trips of a client.
type roundTrips struct{ n int }

func (c *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n++; return next(ctx, cmd) }
}

func (c *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n++; return next(ctx, cmds) }
}
