package ledger

import (
	"fmt"
	"testing"
	"time"
)

// Receivers of results keep the greatest revision of an id. The entry of an invoice that is taken
// in again must therefore begin above every revision that its lost entry had.
func TestTake_TheEntryWasLost_TheNewOneHasGreaterRevisions(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"Redis lost everything": func(w *world) {
			w.must(w.rdb.FlushDB(ctx()).Err())
			w.must(w.Claim(ctx(), testHome))
		},
		"the ledger forgot it": func(w *world) {
			if n, err := w.Prune(ctx(), 30*time.Second, 10); n != 1 || err != nil {
				w.t.Fatalf("Prune forgot %d entries (error %v), want 1", n, err)
			}
		},
	} {
		for _, format := range []int{FormatPacked - 1, FormatPacked} {
			t.Run(fmt.Sprint(name, ", format ", format), func(t *testing.T) {
				w := oneWorld(t)
				w.inFormat(format)
				doc := w.fresh()
				inv := w.take(doc)[0]
				for range 3 {
					inv = w.move(inv, Rejected)
					w.must(w.Retry(ctx(), &inv))
					inv = w.again(inv)
				}
				lost := w.move(inv, Rejected)
				w.millis.Add(time.Minute.Milliseconds())
				lose(w)
				w.inFormat(format)
				res, err := w.Take(ctx(), []NewInvoice{doc})
				w.must(err)
				got := w.read(lost.ID)[0]
				if res[0].Taken != Created || res[0].Rev != got.Rev || res[0].CreatedAt != got.CreatedAt {
					t.Errorf("Take answered %+v and the entry is %+v, want it created, with the same revision and time in both",
						res[0], got)
				}
				if !got.Fresh() || got.Rev <= lost.Rev {
					t.Errorf("the new entry is at revision %d, want a fresh entry above revision %d of the lost one", got.Rev, lost.Rev)
				}
			})
		}
	}
}

func TestFirstRev_OfEntries_IsThatOfTheirTime(t *testing.T) {
	at := func(text string) Millis {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return At(when)
	}
	for _, c := range []struct {
		what    string
		created Millis
		rev     int64
		first   int64
		fresh   bool
	}{
		{"a new entry", at("2026-01-02T00:00:01Z"), 86401, 86401, true},
		{"a new entry that moved", at("2026-01-02T00:00:01Z"), 86405, 86401, false},
		{"an entry of an earlier build", at("2026-11-27T00:00:00Z"), 1, 1, true},
		{"an entry of an earlier build that moved", at("2026-11-27T00:00:00Z"), 6, 1, false},
		{"a clock before 2026", at("2025-12-31T23:59:59Z"), 1, 1, true},
		{"a clock before 2026, moved", at("2001-01-01T00:00:00Z"), 2, 1, false},
		{"no entry", 0, 0, 1, false},
	} {
		inv := Invoice{Facts: Facts{CreatedAt: c.created}, Rev: c.rev}
		if inv.FirstRev() != c.first || inv.Fresh() != c.fresh {
			t.Errorf("%s: first revision %d, fresh %v; want %d, %v", c.what, inv.FirstRev(), inv.Fresh(), c.first, c.fresh)
		}
	}
}

// The clock of the ledger may stand before 2026. Entries then begin at revision 1, as they did in
// earlier builds, and they are moved as usual.
func TestTake_ClockBefore2026_BeginsAtOne(t *testing.T) {
	w := oneWorld(t)
	w.millis.Store(time.Date(2025, 12, 31, 12, 0, 0, 0, time.UTC).UnixMilli())
	inv := w.take(w.fresh())[0]
	if inv.Rev != 1 || !inv.Fresh() {
		t.Errorf("the entry begins at revision %d, want 1", inv.Rev)
	}
	if inv = w.move(inv, Rejected); inv.Rev != 2 {
		t.Errorf("after a move the entry is at revision %d, want 2", inv.Rev)
	}
}

// Scripts compute with revisions of at most 15 digits. It takes more than ten million years until a
// first revision has more digits.
func TestFirstRev_InAThousandYears_IsStillARevision(t *testing.T) {
	rev := firstRev(At(time.Date(3026, 1, 1, 0, 0, 0, 0, time.UTC)))
	if err := countable(fmt.Sprint(rev), rev); err != nil || rev <= firstRev(At(noon)) {
		t.Errorf("the first revision is %d, countable gives the error %v; want no error and a revision above %d, that of 2026",
			rev, err, firstRev(At(noon)))
	}
}
