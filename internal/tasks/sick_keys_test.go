package tasks_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// stopping are the shared keys that everything needs. They say which waiting sets there are, with
// which keys documents are sealed, and to which environment the ledger belongs. When one of them is
// sick, the error names it.
var stopping = []string{"groups", "seals", "home"}

// ledgerKeys returns keys and their types. The keys are those that docs/redis.md lists for the
// ledger, the worker, the results and the business page. values fills in the variable parts of the
// names.
func ledgerKeys(t *testing.T, values *strings.Replacer) (keys, kinds []string) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	part := ""
	for line := range strings.Lines(string(raw)) {
		if after, ok := strings.CutPrefix(line, "## "); ok {
			part = strings.TrimSpace(after)
		}
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| `") || !slices.Contains([]string{"Ledger", "Worker", "Results", "The business page"}, part) {
			continue
		}
		names := []string{values.Replace(strings.Trim(cells[0], "|` "))}
		switch names[0] {
		case "st:<state>":
			names = nil
			for _, s := range ledger.States() {
				names = append(names, "st:"+string(s))
			}
		case "pst:<state>":
			names = nil
			for _, s := range ledger.PackageStates() {
				names = append(names, "pst:"+string(s))
			}
		}
		for _, name := range names {
			keys, kinds = append(keys, "ksef:"+name), append(kinds, cells[1])
		}
	}
	return keys, kinds
}

// Each key of docs/redis.md that belongs to tenant A, or that all tenants share, holds a value of
// the wrong type for a while. Meanwhile a sweep comes to its end, and every list still has the
// invoices that the key does not concern. Unless the key is in stopping, an invoice of tenant B is
// taken in, sent and receipted. A shared key is named in the log, with what to do.
func TestSickKeys_OneHoldsAnotherType_TheOthersGoOnAndItIsNamed(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.claim()
	a, b := s.worker("a", s.client()), s.worker("b", s.clientOf(sample.NIP(1)))
	done := s.admit(ledger.Bulk, s.good("A/done"))
	s.sendThrough(a, a.cut(done.ID))
	waits := s.admit(ledger.Bulk, s.good("A/waits"))
	a.must(queue.KindSubmit, waits.ID)
	s.end(s.admit(ledger.Bulk, s.good("A/parked")), ledger.Parked)
	done, waits = s.read(done.ID), s.read(waits.ID)
	keys, kinds := ledgerKeys(t, strings.NewReplacer("inv:<id>", "inv:"+waits.ID, "body:<id>", "body:"+waits.ID, "<id>", done.Package,
		"<group>", waits.Group, "<tenant>", s.nip(), "<ab>", done.ID[4:6], "<worker>", "other", "<sink>", "erp", "<digest>", "x"))
	if len(keys) < 60 {
		t.Fatalf("docs/redis.md lists %d keys, want 60 or more", len(keys))
	}
	for i, key := range keys {
		name := strings.TrimPrefix(key, "ksef:")
		was, _ := s.rdb.Dump(t.Context(), key).Result() // "" when there is none
		s.rdb.Del(t.Context(), key)
		if kinds[i] == "string" {
			s.rdb.SAdd(t.Context(), key, "x")
		} else {
			s.rdb.Set(t.Context(), key, "x", 0)
		}
		s.goesOn(b, name, fmt.Sprint("B/", i))
		s.rdb.Del(t.Context(), key)
		if was != "" {
			s.rdb.Restore(t.Context(), key, 0, was)
		}
	}
}

// goesOn checks what has to work while a key is sick.
func (s *stage) goesOn(b *actor, key, number string) {
	s.t.Helper()
	fault := func(what string, err error) {
		s.t.Helper()
		_, err = ledger.Skip(err)
		if err != nil && (!slices.Contains(stopping, key) || !strings.Contains(err.Error(), "the key "+key)) {
			s.t.Errorf("while the key %s is sick, this fails: %s: %v", key, what, err)
		}
	}
	b.must(queue.KindSweep, "1")
	sick, err := s.ledger.SickKeys(s.t.Context())
	fault("look for sick keys", err)
	for _, u := range sick {
		if u.Key != key || !s.log.says(`"key":"`+key+`"`) || !strings.Contains(u.Err.Error(), "find out") {
			s.t.Errorf("the key %s is sick, and the ledger names %s; want ledger and log to name the sick key and say what to do: %v",
				key, u.Key, u.Err)
		}
	}
	// The ledger does not check the keys "ready" and "results". The sweep writes its position
	// ("looked") and what it saw ("sickseen") again, so these two keys are well after a sweep.
	shared := !strings.ContainsAny(key, ":|<") || strings.HasPrefix(key, "st:") || strings.HasPrefix(key, "pst:") ||
		strings.HasPrefix(key, "final:")
	if len(sick) == 0 && shared && !slices.Contains([]string{"ready", "results", "looked", "sickseen"}, key) {
		s.t.Errorf("the key %s is sick, and no key is named as sick", key)
	}
	r := &inquiry.Reader{Ledger: s.ledger}
	_, err = s.ledger.Counts(s.t.Context())
	fault("count", err)
	all, _, err := r.Changed(s.t.Context(), ledger.States(), ledger.Place{}, 1000)
	fault("list what changed", err)
	if len(all) < 2 {
		s.t.Errorf("while the key %s is sick, only %d invoices are listed, want 2 or more", key, len(all))
	}
	for _, err := range r.Decided(s.t.Context(), time.Time{}, inquiry.Filter{}) {
		fault("list what is decided", err)
	}
	_, err = r.OpenItems(s.t.Context())
	fault("list open items", err)
	_, err = r.Latest(s.t.Context(), inquiry.Window{Limit: 10, Scan: 100})
	fault("list the latest", err)
	if slices.Contains(stopping, key) {
		_, err = s.ledger.Waits(s.t.Context())
		fault("read waiting sets", err)
		_, err = s.ledger.Intake(s.t.Context())
		fault("ask before intake", err)
		return
	}
	inv := s.admit(ledger.Bulk, s.goodOf(sample.NIP(1), number))
	s.sendThrough(b, b.cut(inv.ID))
	if got := s.read(inv.ID); got.State != ledger.Receipted {
		s.t.Errorf("while the key %s is sick, the invoice of the other tenant is %s, want receipted: %s", key, got.State, got.Reason)
	}
}

// A person reads of a sick key and deletes it before the sweep comes by. The invoices that the key
// listed are listed again all the same, even if the record of unreadable entries was sick too.
func TestSickKeys_DeletedBeforeASweepSawThem_WhatTheyListedGoesOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		waits bool // the invoice is in a waiting set; otherwise its task is lost
		sick  []string
		swept bool // a sweep runs before the keys are deleted
	}{
		{"waiting set", true, []string{"wait:<group>"}, false},
		{"index of a state", false, []string{"st:queued"}, false},
		{"index and record", false, []string{"st:queued", "unreadable"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			inv, found := s.admit(ledger.Bulk, s.good("A/1")), func() bool { return false }
			if c.waits {
				w.must(queue.KindSubmit, inv.ID)
				inv = s.read(inv.ID)
			} else {
				found = s.loseTask(queue.QueueInvoices, queue.KindSubmit, inv.ID, inv.Rev)
			}
			for i, key := range c.sick {
				c.sick[i] = "ksef:" + strings.Replace(key, "<group>", inv.Group, 1)
				s.rdb.Del(t.Context(), c.sick[i])
				s.rdb.Set(t.Context(), c.sick[i], "x", 0)
			}
			if sick, err := s.ledger.SeeSickKeys(t.Context()); err != nil || len(sick) != len(c.sick) {
				t.Fatalf("the keys found sick are %v, %v; want %v, which the test made sick", sick, err, c.sick)
			}
			if c.swept {
				w.must(queue.KindSweep, "1")
			}
			s.rdb.Del(t.Context(), c.sick...)
			for range 3 { // one sweep lists the invoice again, the next finds that it has no task
				s.advance(2 * time.Minute)
				w.must(queue.KindSweep, "1")
			}
			if c.waits {
				w.until(queue.KindCut, inv.Group, func() bool { return s.read(inv.ID).State == ledger.Packed })
			} else if !found() {
				t.Error("nothing queues the invoice again")
			}
			if n := s.rdb.Exists(t.Context(), "ksef:sickseen").Val(); n != 0 {
				t.Error("the ledger still remembers that keys were sick")
			}
		})
	}
}
