package tasks_test

import (
	"fmt"
	"slices"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// Entries that nobody reads any more, because their invoices and packages are finished, are damaged
// in several ways. The sweep finds each of them, and names it in the log and in the list of
// unreadable entries. When an entry can be read again, the sweep takes it off that list.
func TestSweep_EntriesOfFinishedInvoicesAreDamaged_EachIsNamedUntilItIsWell(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.claim()
	w := s.worker("w", s.client())
	done := s.inDifferentBuckets(3)
	pkg := w.together(done...)
	s.sendThrough(w, pkg)
	ended := s.admit(ledger.Bulk, s.good("B/1"))
	s.end(ended, ledger.Dismissed)
	w.must(queue.KindSweep, "1")
	if n, keys, err := s.ledger.Unreadables(t.Context(), 9); n != 0 || err != nil {
		t.Fatalf("before any damage %d unreadable entries are noted, want none: %v, %v", n, keys, err)
	}

	garbage := damage{"garbage in a field", func(s *stage, key string) {
		fields := s.rdb.HKeys(t.Context(), key).Val()
		if len(fields) != 1 {
			t.Fatalf("%s has %d fields, want one", key, len(fields))
		}
		s.rdb.HSet(t.Context(), key, fields[0], "garbage")
	}}
	none := damage{"no entry", func(s *stage, key string) { s.rdb.Del(t.Context(), key) }}
	other := damage{"another type", func(s *stage, key string) { s.rdb.Set(t.Context(), key, "x", 0) }}
	facts := damage{"no facts", func(s *stage, key string) { s.rdb.HDel(t.Context(), key, "facts") }}
	bucket := func(k int) string { return "final:" + done[k].ID[4:6] }
	repairs := []func(){
		s.damage(garbage, "ksef:"+bucket(0)), s.damage(none, "ksef:"+bucket(1)), s.damage(other, "ksef:"+bucket(2)),
		s.damage(facts, "ksef:inv:"+ended.ID), s.damage(packageDamages()[1], "ksef:pkg:"+pkg),
	}
	const unused = "final:zz" // the key of a bucket in which there is no invoice
	s.rdb.Set(t.Context(), "ksef:"+unused, "x", 0)
	want := []string{unused, bucket(2), "inv:" + done[0].ID, "inv:" + done[1].ID, "inv:" + done[2].ID, "inv:" + ended.ID, "pkg:" + pkg}
	slices.Sort(want)

	w.must(queue.KindSweep, "2")
	_, keys, err := s.ledger.Unreadables(t.Context(), 99)
	if slices.Sort(keys); err != nil || !slices.Equal(keys, want) {
		t.Errorf("the entries noted as unreadable are\n%q, want\n%q, %v", keys, want, err)
	}
	for _, key := range want {
		if !s.log.says(`"key":"` + key + `"`) {
			t.Errorf("the log does not name %s", key)
		}
	}

	for _, repair := range repairs {
		repair()
	}
	s.rdb.Del(t.Context(), "ksef:"+unused)
	w.must(queue.KindSweep, "3")
	if n, keys, err := s.ledger.Unreadables(t.Context(), 9); n != 0 || err != nil {
		t.Errorf("after the repair %d unreadable entries are noted, want none: %v, %v", n, keys, err)
	}
}

// claim makes the ledger write the newest format. In that format, the entries of receipted invoices
// go into buckets.
func (s *stage) claim() {
	s.t.Helper()
	if err := s.ledger.Claim(s.t.Context(), ledger.Home{Environment: "test", Address: "here"}); err != nil {
		s.t.Fatal(err)
	}
}

// inDifferentBuckets admits n invoices whose entries will go into different buckets. None of these
// is final:zz.
func (s *stage) inDifferentBuckets(n int) []ledger.Invoice {
	s.t.Helper()
	used, out := map[string]bool{"zz": true}, make([]ledger.Invoice, 0, n)
	for i := 0; len(out) < n; i++ {
		inv := s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", i)))
		if bucket := inv.ID[4:6]; !used[bucket] {
			used[bucket], out = true, append(out, inv)
		}
	}
	return out
}
