package ledger

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ksefworker/internal/redisd/redistest"
)

// model is a simple ledger in memory, with neither batches nor concurrency. Several actors use the
// real ledger with copies of entries that may be long out of date. The model knows which of their
// verbs must succeed.
type model struct {
	t       *rapid.T
	l       *Ledger
	rdb     *redis.Client
	invs    map[string]*modelInvoice
	pkgs    map[string]*modelPackage
	newest  map[string]string // identity → id
	serial  int
	actors  [3]actor
	touched bool             // a verb was tried since the last check
	reached map[string]int   // how often each state was reached, over all runs
	highest map[string]int64 // the highest revision of each invoice that was ever seen in Redis
}

type modelInvoice struct {
	state    State
	rev      int64
	revision int
	created  Millis
	group    string
	pkg      string
	left     string // the session that the invoice was in when a person queued it again
	number   string
	ident    string
	size     int64
	deadline Millis
	attempts int
}

type modelPackage struct {
	state   PackageState
	rev     int64
	lane    Lane
	owner   string
	members []string
}

// actor is one worker with its copies of entries, as it read them last.
type actor struct {
	name string
	invs map[string]Invoice
	pkgs map[string]Package
}

func (m *model) actor() *actor { return &m.actors[pick(m.t, len(m.actors), "actor")] }

// pick draws a number below n. All numbers have about the same chance. Rapid's own draws prefer the
// first values. With them, few invoices would get to the end of their long path.
func pick(t *rapid.T, n int, label string) int {
	v := 0
	for _, coin := range rapid.SliceOfN(rapid.Bool(), 8, 8).Draw(t, label) {
		v *= 2
		if coin {
			v++
		}
	}
	return v % n
}

// key draws one of a map's keys. It returns false if the map is empty.
func key[V any](t *rapid.T, from map[string]V, label string) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	return slices.Sorted(maps.Keys(from))[pick(t, len(from), label)], true
}

// succeeds fails the test if a verb that must succeed failed, or if a verb that must fail
// succeeded. It reports whether the verb succeeded.
func (m *model) succeeds(what string, must bool, err error) bool {
	m.t.Helper()
	m.touched = true
	var c *ConflictError
	switch {
	case must && err != nil:
		m.t.Fatalf("%s: refused with %v, but it is legal", what, err)
	case !must && err == nil:
		m.t.Fatalf("%s: succeeded, but it is not legal", what)
	case !must && !errors.As(err, &c):
		m.t.Fatalf("%s: %v, want a *ConflictError", what, err)
	}
	return must
}

// Check compares what Redis holds with the model, and every index with the entries.
func (m *model) Check(t *rapid.T) {
	if !m.touched {
		return
	}
	m.touched = false
	s := snapshotOf(t, m.rdb, m.l.prefix)
	for _, fault := range s.faults() {
		t.Errorf("%s", fault)
	}
	n := 0
	for k, h := range s.Hashes {
		switch kind, id := k[:3], k[4:]; kind {
		case "inv":
			n++
			rev, _ := strconv.ParseInt(h["rev"], 10, 64)
			if rev < m.highest[id] {
				t.Errorf("%s went back from revision %d to %d", id, m.highest[id], rev)
			}
			m.highest[id] = rev
			i := m.invs[id]
			m.reached[h["state"]]++
			var known Invoice
			if err := known.unpackFacts(h["facts"]); err != nil {
				t.Errorf("the facts of %s cannot be read: %v", id, err)
			}
			got := fmt.Sprintln(h["state"], h["rev"], known.Revision, h["group"], h["package"], "attempts", h["attempts"])
			attempts := ""
			if i.attempts > 0 {
				attempts = strconv.Itoa(i.attempts)
			}
			if want := fmt.Sprintln(i.state, i.rev, i.revision, i.group, i.pkg, "attempts", attempts); got != want {
				t.Errorf("%s is %s, want %s", id, got, want)
			}
		case "pkg":
			p := m.pkgs[id]
			m.reached["package "+h["state"]]++
			got := fmt.Sprint(h["state"], h["rev"], h["lane"], len(s.Sorted["pkginv:"+id]))
			if want := fmt.Sprint(p.state, p.rev, p.lane, len(p.members)); got != want {
				t.Errorf("%s is %s, want %s", id, got, want)
			}
		}
	}
	if n != len(m.invs) {
		t.Errorf("%d invoices in Redis, want %d", n, len(m.invs))
	}
	if t.Failed() {
		t.FailNow()
	}
}

func TestLedger_AnyVerbsByManyActorsWithStaleCopies_OnlyLegalMovesHappenAndEveryIndexHolds(t *testing.T) {
	rdb, _ := redistest.New(t)
	// The whole path of an invoice takes about fifteen steps of the right actors. Thirty random
	// steps, rapid's default, seldom get that far.
	atLeast(t, "rapid.nofailfile", "true") // to repeat a failed run, the seed in its message is enough
	atLeast(t, "rapid.steps", "160")
	atLeast(t, "rapid.checks", "90") // with 30 checks, every fourth run of the test left out a fifth of the states
	reached := map[string]int{}
	var run, millis atomic.Int64
	millis.Store(noon.UnixMilli())
	rapid.Check(t, func(t *rapid.T) {
		now := func() time.Time { return time.UnixMilli(millis.Add(1)) }
		l := New(rdb, Options{Prefix: fmt.Sprintf("m%d:", run.Add(1)), Now: now})
		m := &model{
			t: t, l: l, rdb: rdb, invs: map[string]*modelInvoice{}, pkgs: map[string]*modelPackage{},
			newest: map[string]string{}, highest: map[string]int64{}, reached: reached,
		}
		for i := range m.actors {
			m.actors[i] = actor{fmt.Sprint("worker-", i), map[string]Invoice{}, map[string]Package{}}
		}
		verbs := []func(*rapid.T){ // the more often a verb is listed, the more often it is drawn
			m.Take, m.Take, m.Wait, m.Wait, m.ChooseExpress, m.Move, m.Move, m.Move, m.Retry, m.Dismiss, m.ChangeTerms,
			m.Cut, m.Cut, m.OpenOnline, m.Send, m.Send, m.Send, m.Repack,
			m.Compact, m.MovePackage, m.MovePackage, m.MovePackage, m.MovePackage, m.MovePackage, m.Settle, m.Settle,
			m.ReadPackage, m.ReadPackage, m.ReadPackage, m.ReadInvoice, m.ReadInvoice, m.ReadInvoice,
		}
		t.Repeat(map[string]func(*rapid.T){
			"act": func(t *rapid.T) { m.t = t; verbs[pick(t, len(verbs), "verb")](t) },
			"":    func(t *rapid.T) { m.t = t; m.Check(t) },
		})
		if err := rdb.FlushAll(ctx()).Err(); err != nil {
			t.Fatal(err)
		}
	})
	// A run that stays in the first states proves nothing about the others. A run may miss up to
	// three states by chance.
	if all := len(States()) + len(PackageStates()); len(reached) < all-3 && !t.Failed() {
		t.Errorf("the runs reached only %d of %d states: %v; want at least all but three", len(reached), all, reached)
	}
}

// atLeast sets a flag of rapid's unless it was given on the command line.
func atLeast(t *testing.T, name, value string) {
	f := flag.Lookup(name)
	if f == nil || f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
}
