package ledger

import (
	"errors"
	"testing"

	"ksefworker/internal/redisd/redistest"
)

// During a rolling update old and new workers share one Redis. So an old worker meets entries of a
// newer build, and must leave them alone.
func TestRead_EntryOfANewerBuild_IsLeftToIt(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	rdb.HSet(t.Context(), "ksef:inv:a", "rev", 1, "state", "queued", "facts", `{"v":2,"id":"a"}`)
	rdb.HSet(t.Context(), "ksef:pkg:p", "rev", 1, "state", "cut", "v", 2)
	if _, err := l.Invoice(t.Context(), "a"); !errors.Is(err, ErrNewer) {
		t.Errorf("Invoice = %v, want ErrNewer", err)
	}
	if _, err := l.Package(t.Context(), "p"); !errors.Is(err, ErrNewer) {
		t.Errorf("Package = %v, want ErrNewer", err)
	}
}

// An entry that no build can have written is damaged. If it were called newer, everybody would wait
// for an update to end although there is none.
func TestRead_WhatNoBuildWrites_IsDamagedAndNotNewer(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	for name, c := range map[string]struct {
		rev, state, facts string
		newer             bool
	}{
		"a newer layout":                {"7", "queued", `{"v":3,"id":"a","nip":1}`, true},
		"its facts are elsewhere":       {"7", "queued", `{"v":3}`, true},
		"a newer state":                 {"7", "on_hold", `{"v":1,"id":"a"}`, true},
		"a newer layout and state":      {"7", "dreaming", `{"v":3,"id":"a"}`, true},
		"a layout that no build writes": {"7", "queued", `{"v":77,"id":"a"}`, false},
		"of another invoice":            {"7", "queued", `{"v":3,"id":"b"}`, false},
		"no revision":                   {"", "queued", `{"v":3,"id":"a"}`, false},
		"a revision in a wrong form":    {"07", "queued", `{"v":3,"id":"a"}`, false},
		"no state":                      {"7", "", `{"v":3,"id":"a"}`, false},
		"a state that is not a word":    {"7", "rubbish \xff", `{"v":1,"id":"a"}`, false},
		"rubbish":                       {"7", "queued", "rubbish \xff\x00", false},
	} {
		rdb.Del(t.Context(), "ksef:inv:a")
		for field, value := range map[string]string{"rev": c.rev, "state": c.state, "facts": c.facts} {
			if value != "" {
				rdb.HSet(t.Context(), "ksef:inv:a", field, value)
			}
		}
		if _, err := l.Invoice(t.Context(), "a"); errors.Is(err, ErrNewer) != c.newer || Damaged(err) == c.newer {
			t.Errorf("%s: reading the invoice gives %v; want ErrNewer: %v, otherwise damage", name, err, c.newer)
		}
	}
	for v, newer := range map[string]bool{"2": true, "77": false} {
		rdb.HSet(t.Context(), "ksef:pkg:p", "rev", 1, "state", "cut", "v", v)
		if _, err := l.Package(t.Context(), "p"); errors.Is(err, ErrNewer) != newer {
			t.Errorf("layout %s: reading the package gives %v; want ErrNewer: %v", v, err, newer)
		}
	}
}
