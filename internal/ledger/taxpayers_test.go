package ledger

import (
	"maps"
	"testing"
)

func bound(w *world, nips map[string]string) map[string]string {
	w.t.Helper()
	others, err := w.Bind(ctx(), nips)
	w.must(err)
	return others
}

func TestBind_NameOfAnotherTaxpayer_IsNamedAndTheOthersAreRecorded(t *testing.T) {
	w := oneWorld(t)
	if others := bound(w, map[string]string{"a": sellerA, sellerB: sellerB}); len(others) != 0 {
		t.Errorf("in an empty ledger these names mean other taxpayers: %v, want none", others)
	}
	other := New(w.rdb, Options{Prefix: w.prefix})
	for range 2 { // the second time, this process knows the name b
		others, err := other.Bind(ctx(), map[string]string{"a": sellerB, "b": sellerB})
		w.must(err)
		if len(others) != 1 || others["a"] != sellerA {
			t.Errorf("these names mean other taxpayers: %v, want only the name a", others)
		}
	}
	got, err := w.Taxpayers(ctx())
	w.must(err)
	if !maps.Equal(got, map[string]string{"a": sellerA, "b": sellerB, sellerB: sellerB}) {
		t.Errorf("the names mean %v, want a and b as they were bound first", got)
	}
}

func TestBind_RedisEmptiedAndClaimedAgain_RecordsTheNameAgain(t *testing.T) {
	w := oneWorld(t)
	bound(w, map[string]string{"a": sellerA})
	w.must(w.rdb.FlushDB(ctx()).Err())
	w.must(w.Claim(ctx(), testHome))
	bound(w, map[string]string{"a": sellerA})
	if got := w.rdb.HGet(ctx(), w.key(keyTaxpayers), "a").Val(); got != sellerA {
		t.Errorf("the name a means %q, want the seller that was bound again", got)
	}
}

// While a process runs, a failover loses the writes of the last second, or a person restores an
// older state of Redis.
func TestBind_RedisForgetsAName_RecordsItAgain(t *testing.T) {
	w := oneWorld(t)
	bound(w, map[string]string{"a": sellerA})
	w.must(w.rdb.Del(ctx(), w.key(keyTaxpayers)).Err())
	w.asked = w.asked.Add(-boundFor)
	bound(w, map[string]string{"a": sellerA})
	if got := w.rdb.HGet(ctx(), w.key(keyTaxpayers), "a").Val(); got != sellerA {
		t.Errorf("the name a means %q, want the seller that was bound again", got)
	}
}

func TestStrangers_NamesOfOthers_AreFoundAndNothingIsRecorded(t *testing.T) {
	w := oneWorld(t)
	bound(w, map[string]string{"a": sellerA, "b": sellerB})
	other := New(w.rdb, Options{Prefix: w.prefix})
	w.unchanged(func() {
		for range 2 { // the second time, this process knows the name b
			others, err := other.Strangers(ctx(), map[string]string{"a": sellerB, "b": sellerB, "new": sellerB})
			w.must(err)
			if len(others) != 1 || others["a"] != sellerA {
				t.Errorf("these names mean other taxpayers: %v, want only the name a", others)
			}
		}
	})
}

func TestBind_SickKey_StopsNothing(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.Set(ctx(), w.key(keyTaxpayers), "x", 0).Err())
	if others := bound(w, map[string]string{"a": sellerA}); len(others) != 0 {
		t.Errorf("with a sick key, these names mean other taxpayers: %v, want none", others)
	}
	got, err := w.Taxpayers(ctx())
	w.must(err)
	if len(got) != 0 {
		t.Errorf("with a sick key, Taxpayers gives %v, want nothing", got)
	}
	sick, err := w.SickKeys(ctx())
	w.must(err)
	if len(sick) != 1 || sick[0].Key != keyTaxpayers {
		t.Errorf("the sick keys are %v, want the key of the names", sick)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyTaxpayers)).Err())
}

// A process knows that a name means another taxpayer. Then the key of the names becomes sick. The
// process must still take nothing in under this name.
func TestBind_KeyBecomesSick_WhatTheProcessKnowsStands(t *testing.T) {
	w := oneWorld(t)
	bound(w, map[string]string{"a": sellerA})
	mine := map[string]string{"a": sellerB, "b": sellerB}
	reads := map[string]*Ledger{} // by what the process has done before
	for what, act := range map[string]func(*Ledger) error{
		"Taxpayers": func(l *Ledger) error { _, err := l.Taxpayers(ctx()); return err },
		"Strangers": func(l *Ledger) error { _, err := l.Strangers(ctx(), mine); return err },
		"Bind":      func(l *Ledger) error { _, err := l.Bind(ctx(), mine); return err },
	} {
		reads[what] = New(w.rdb, Options{Prefix: w.prefix})
		w.must(act(reads[what]))
	}
	w.must(w.rdb.Set(ctx(), w.key(keyTaxpayers), "x", 0).Err())
	for what, l := range reads {
		all, err := l.Taxpayers(ctx())
		w.must(err)
		strangers, err := l.Strangers(ctx(), mine)
		w.must(err)
		others, err := l.Bind(ctx(), mine)
		w.must(err)
		if all["a"] != sellerA || strangers["a"] != sellerA || len(strangers) != 1 || others["a"] != sellerA || len(others) != 1 {
			t.Errorf("after %s: Taxpayers = %v, Strangers = %v, Bind = %v, want the name a with its first taxpayer in each",
				what, all, strangers, others)
		}
	}
	w.must(w.rdb.Del(ctx(), w.key(keyTaxpayers)).Err())
}
