package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// Invoices that one script moves have the same time in the index. Here 500 entries have the same
// time, and other entries stand before and behind them.
func TestNext_SomeStayAtTheHead_APassListsEachOnceAndThenStartsAgain(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	var want []string
	add := func(at int64, n int) {
		for range n {
			id := fmt.Sprintf("inv-%05d", len(want))
			want = append(want, id)
			rdb.ZAdd(t.Context(), "ksef:st:sent", redis.Z{Score: float64(at), Member: id})
		}
	}
	add(1_700_000_000_000, 30)
	add(1_700_000_000_001, 500)
	add(1_700_000_000_002, 7)
	rdb.ZAdd(t.Context(), "ksef:st:sent", redis.Z{Score: 1_700_000_009_000, Member: "inv-later"})
	before := time.UnixMilli(1_700_000_000_002)
	for round := range 2 {
		var got []string
		for {
			ids, err := l.NextInvoices(t.Context(), Sent, before, 100)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids...)
			if len(ids) < 100 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pass %d listed %d invoices, want each of the %d once, in order", round, len(got), len(want))
		}
	}
}

// Listed entries may move or be removed, even the last entry that a call listed. The next call
// continues from where that last entry was.
func TestNext_TheLastOneListedHasMoved_NoneIsSkipped(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	const at, n = 1_700_000_000_000, 90
	for i := range n {
		rdb.ZAdd(t.Context(), "ksef:pst:settled", redis.Z{Score: at, Member: fmt.Sprintf("pkg-%02d", i)})
	}
	seen := map[string]int{}
	for range n / 10 {
		ids, err := l.NextPackages(t.Context(), PackageSettled, time.Time{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			seen[id]++
			switch {
			case i == len(ids)-1: // the last entry is removed
				rdb.ZRem(t.Context(), "ksef:pst:settled", id)
			case i%3 == 0: // the work on this package failed again
				rdb.ZAdd(t.Context(), "ksef:pst:settled", redis.Z{Score: at + 1000, Member: id})
			}
		}
	}
	for i := range n {
		if id := fmt.Sprintf("pkg-%02d", i); seen[id] != 1 {
			t.Errorf("%s was listed %d times, want once", id, seen[id])
		}
	}
}

func TestClock_NoneIsSet_EverythingHasRedisTime(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	before := rdb.Time(t.Context()).Val().Truncate(time.Millisecond)
	doc := document(sellerA, "VAT", "FV/1", "first")
	if _, err := l.Take(t.Context(), []NewInvoice{doc}); err != nil {
		t.Fatal(err)
	}
	inv, err := l.Invoice(t.Context(), doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Wait(t.Context(), &inv); err != nil {
		t.Fatal(err)
	}
	p, err := l.OpenOnline(t.Context(), Package{ID: "pkg-1", Tenant: sellerA, Form: "v3", Session: "s", Owner: "me"})
	if err != nil {
		t.Fatal(err)
	}
	waits, err := l.Waits(t.Context())
	if err != nil || len(waits) != 1 {
		t.Fatal("want one waiting set and no error; Waits returned", waits, err)
	}
	now, err := l.Clock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after := rdb.Time(t.Context()).Val()
	if inv, err = l.Invoice(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	stored, err := l.Package(t.Context(), p.ID)
	if err != nil || stored.OpenedAt != p.OpenedAt {
		t.Errorf("the package was opened at %d, but the caller was told %d (error %v)", stored.OpenedAt, p.OpenedAt, err)
	}
	for what, at := range map[string]time.Time{
		"taken": inv.CreatedAt.Time(), "changed": inv.UpdatedAt.Time(), "waits since": waits[0].Oldest,
		"opened": p.OpenedAt.Time(), "now": now,
	} {
		if at.Before(before) || at.After(after) {
			t.Errorf("the time of %q is %s, but Redis's clock went from %s to %s", what, at, before, after)
		}
	}
}
