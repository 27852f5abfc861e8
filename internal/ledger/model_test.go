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

// model is the ledger as one would write it without Redis, without batches and without anybody else. Several actors act on the real one with copies
// that may be long out of date; the model knows which of their verbs must succeed.
type model struct {
	t       *rapid.T
	l       *Ledger
	rdb     *redis.Client
	invs    map[string]*modelInvoice
	pkgs    map[string]*modelPackage
	newest  map[string]string // identity → id
	serial  int
	actors  [3]actor
	touched bool             // something was asked for since the last check
	reached map[string]int   // how often each state was met, over all runs
	highest map[string]int64 // the highest revision ever seen in Redis
}

type modelInvoice struct {
	state    State
	rev      int64
	revision int
	group    string
	pkg      string
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

// actor is one worker, with what it has read and when.
type actor struct {
	name string
	invs map[string]Invoice
	pkgs map[string]Package
}

func (m *model) actor() *actor { return &m.actors[pick(m.t, len(m.actors), "actor")] }

// pick draws below n, each alike: rapid's own choices prefer what comes first, and an invoice's way is long.
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

// key draws one of a map's keys; false when it is empty.
func key[V any](t *rapid.T, from map[string]V, label string) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	return slices.Sorted(maps.Keys(from))[pick(t, len(from), label)], true
}

// judge fails when a verb that must succeed did not, or the other way round. It returns whether it succeeded.
func (m *model) judge(what string, must bool, err error) bool {
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

func (m *model) Take(t *rapid.T) {
	ident := fmt.Sprint("n", rapid.IntRange(0, 3).Draw(t, "number"))
	kind := rapid.SampledFrom([]string{"VAT", "KOR"}).Draw(t, "kind")
	doc := document(sellerA, kind, ident, fmt.Sprint("content ", rapid.IntRange(0, 2).Draw(t, "content")))
	doc.Size = int64(rapid.IntRange(1, 9).Draw(t, "size"))
	doc.Deadline = At(noon.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "hours")) * time.Hour))
	ident += kind
	want := TakeResult{Created, doc.ID, Queued, 1, 1, false}
	if have := m.invs[doc.ID]; have != nil {
		want = TakeResult{Present, doc.ID, have.state, have.rev, have.revision, false}
	} else if id := m.newest[ident]; id != "" {
		cur := m.invs[id]
		want.Revision = cur.revision + 1
		if !cur.state.Ended() {
			want = TakeResult{Refused, id, cur.state, cur.rev, cur.revision, false}
		}
	}
	m.touched = true
	got, err := m.l.Take(ctx(), []NewInvoice{doc})
	if err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("take %s %s: %+v, %v, want %+v", ident, doc.ID, got, err, want)
	}
	if want.Taken == Created {
		m.invs[doc.ID] = &modelInvoice{state: Queued, rev: 1, revision: want.Revision, number: doc.Number, ident: ident, size: doc.Size, deadline: doc.Deadline}
		m.newest[ident] = doc.ID
	}
}

func (m *model) ReadInvoice(t *rapid.T) {
	if id, ok := key(t, m.invs, "invoice"); ok {
		inv, err := m.l.Invoice(ctx(), id)
		if err != nil {
			t.Fatal(err)
		}
		m.actor().invs[id] = inv
	}
}

func (m *model) ReadPackage(t *rapid.T) {
	if id, ok := key(t, m.pkgs, "package"); ok {
		p, err := m.l.Package(ctx(), id)
		if err != nil {
			t.Fatal(err)
		}
		m.actor().pkgs[id] = p
	}
}

// copied draws an actor and an invoice as that actor believes it to be; the model's is nil when the actor has read nothing yet. Such a step does nothing: a step that
// calls Skip makes rapid end the run.
func (m *model) copied(t *rapid.T) (*actor, Invoice, *modelInvoice) {
	a := m.actor()
	id, ok := key(t, a.invs, "invoice")
	if !ok {
		return a, Invoice{}, nil
	}
	return a, a.invs[id], m.invs[id]
}

func (m *model) Wait(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	if m.judge("wait", real.rev == inv.Rev && real.state == Queued, m.l.Wait(ctx(), &inv)) {
		real.rev, real.group = real.rev+1, groupA.Name()
	}
}

func (m *model) ChooseExpress(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	if m.judge("choose express", real.rev == inv.Rev && real.state == Queued, m.l.Move(ctx(), m.l.ExpressMove(&inv))) {
		real.rev, real.group = real.rev+1, ""
	}
}

var targets = []State{Queued, Unknown, Sent, Accepted, Receipted, Rejected, Parked, Dismissed}

func (m *model) Move(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	mv := Move{ID: inv.ID, Rev: inv.Rev, To: targets[pick(t, len(targets), "to")]}
	if sensible := slices.DeleteFunc(slices.Clone(targets), func(to State) bool { return !MayMove(inv.State, to) }); len(sensible) > 0 && pick(t, 3, "sensible") > 0 {
		mv.To = sensible[pick(t, len(sensible), "to")]
	}
	if mv.To == Queued { // what leaves a package says so; what was refused goes by Retry
		mv.From = []State{Packed, Sending, Unknown, Sent}
		mv.Set = []Set{{"package", ""}}
	}
	if rapid.Bool().Draw(t, "guarded by the package") {
		mv.In = inv.Package
	}
	if rapid.Bool().Draw(t, "whatever the revision") {
		mv.Rev = 0
	}
	if mv.To == Receipted {
		mv.dropBody = true
	}
	legal := (mv.Rev == 0 || mv.Rev == real.rev) && (mv.In == "" || mv.In == real.pkg) &&
		slices.Contains(invoiceMoves[mv.To], real.state) && (mv.From == nil || slices.Contains(mv.From, real.state))
	if m.judge(fmt.Sprintf("move %s at %d to %s", real.state, real.rev, mv.To), legal, m.l.Move(ctx(), mv)) {
		real.state, real.rev, real.group = mv.To, real.rev+1, ""
		if mv.To == Queued {
			real.pkg = ""
		}
		m.supersede(inv.ID)
	}
}

// supersede does to the others of an identity what comes of one that was accepted just now.
func (m *model) supersede(id string) {
	if m.invs[id].state != Accepted {
		return
	}
	for other, i := range m.invs {
		if other != id && i.ident == m.invs[id].ident && i.state.Open() {
			i.state, i.rev = Superseded, i.rev+1
		}
	}
}

func (m *model) Dismiss(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	legal := inv.Rev == real.rev && (real.state == Queued || real.state.Open())
	if m.judge("dismiss", legal, m.l.Dismiss(ctx(), &inv, Dismissal{By: "a", Reason: "b"})) {
		real.state, real.rev, real.group = Dismissed, real.rev+1, ""
	}
}

func (m *model) ChangeTerms(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	terms := NewTerms{Lane: rapid.SampledFrom([]Lane{"", Bulk, Express}).Draw(t, "lane"), Deadline: At(noon.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "hours")) * time.Hour))}
	legal := inv.Rev == real.rev && real.state == Queued
	if m.judge("change terms", legal, m.l.ChangeTerms(ctx(), &inv, terms)) {
		real.rev, real.deadline, real.group = real.rev+1, terms.Deadline, inv.Group
	}
}

func (m *model) Retry(t *rapid.T) {
	_, inv, real := m.copied(t)
	if real == nil {
		return
	}
	other := m.invs[m.newest[real.ident]]
	legal := inv.Rev == real.rev && real.state.Open() && (other == real || other.state.Ended())
	if m.judge("retry", legal, m.l.Retry(ctx(), &inv)) {
		real.state, real.rev, real.pkg = Queued, real.rev+1, ""
		m.newest[real.ident] = inv.ID
	}
}

func (m *model) Cut(t *rapid.T) {
	lim := CutLimits{Invoices: rapid.IntRange(1, 4).Draw(t, "most"), Bytes: int64(rapid.IntRange(1, 20).Draw(t, "bytes"))}
	var waiting []string
	for id, i := range m.invs {
		if i.group != "" {
			waiting = append(waiting, id)
		}
	}
	slices.SortFunc(waiting, func(a, b string) int { // as a sorted set does: by deadline, then by name
		if x := int(m.invs[a].deadline - m.invs[b].deadline); x != 0 {
			return x
		}
		if a < b {
			return -1
		}
		return 1
	})
	var want []string
	var size int64
	numbers := map[string]bool{}
	for _, id := range waiting[:min(len(waiting), 2*lim.Invoices)] { // the script looks no further
		i := m.invs[id]
		if len(want) == lim.Invoices || !numbers[i.number] && len(want) > 0 && size+i.size > lim.Bytes {
			break
		}
		if numbers[i.number] {
			continue
		}
		numbers[i.number], size, want = true, size+i.size, append(want, id)
	}
	m.serial++
	pkg := fmt.Sprint("pkg-", m.serial)
	m.touched = true
	got, err := m.l.Cut(ctx(), pkg, groupA, lim)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("cut %+v took %v, %v, want %v", lim, got, err, want)
	}
	if len(want) > 0 {
		m.adopt(pkg, Bulk, want)
	}
}

// adopt makes a package of invoices that are its own from now on.
func (m *model) adopt(pkg string, lane Lane, ids []string) {
	m.pkgs[pkg] = &modelPackage{state: PackageCut, rev: 1, lane: lane, members: ids}
	for _, id := range ids {
		i := m.invs[id]
		i.state, i.rev, i.group, i.pkg = Packed, i.rev+1, "", pkg
	}
}

func (m *model) OpenOnline(t *rapid.T) {
	m.serial++
	a, id := m.actor(), fmt.Sprint("pkg-", m.serial)
	p, err := m.l.OpenOnline(ctx(), Package{ID: id, Tenant: sellerA, Form: "v3", Session: "s-" + id, Owner: a.name})
	if err != nil {
		t.Fatal(err)
	}
	a.pkgs[id] = p
	m.pkgs[id] = &modelPackage{state: PackageOpened, rev: 1, lane: Express, owner: a.name}
}

// Check compares everything: what Redis holds with the model, and every index with the entries.
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
				t.Errorf("%s: %v", id, err)
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
			if got, want := fmt.Sprint(h["state"], h["rev"], h["lane"], len(s.Sorted["pkginv:"+id])), fmt.Sprint(p.state, p.rev, p.lane, len(p.members)); got != want {
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
	// An invoice's whole way is some fifteen steps of the right actors: thirty steps of anybody, rapid's default, seldom get that far.
	atLeast(t, "rapid.nofailfile", "true") // the seed in the message is enough
	atLeast(t, "rapid.steps", "160")
	atLeast(t, "rapid.checks", "30")
	reached := map[string]int{}
	var run, millis atomic.Int64
	millis.Store(noon.UnixMilli())
	rapid.Check(t, func(t *rapid.T) {
		l := New(rdb, Options{Prefix: fmt.Sprintf("m%d:", run.Add(1)), Now: func() time.Time { return time.UnixMilli(millis.Add(1)) }})
		m := &model{t: t, l: l, rdb: rdb, invs: map[string]*modelInvoice{}, pkgs: map[string]*modelPackage{}, newest: map[string]string{}, highest: map[string]int64{}, reached: reached}
		for i := range m.actors {
			m.actors[i] = actor{fmt.Sprint("worker-", i), map[string]Invoice{}, map[string]Package{}}
		}
		verbs := []func(*rapid.T){m.Take, m.Take, m.Wait, m.Wait, m.ChooseExpress, m.Move, m.Move, m.Move, m.Retry, m.Dismiss, m.ChangeTerms, m.Cut, m.Cut, m.OpenOnline, m.Send, m.Send, m.Send, m.Repack,
			m.MovePackage, m.MovePackage, m.MovePackage, m.MovePackage, m.MovePackage, m.Settle, m.Settle, m.ReadPackage, m.ReadPackage, m.ReadPackage, m.ReadInvoice, m.ReadInvoice, m.ReadInvoice}
		t.Repeat(map[string]func(*rapid.T){
			"act": func(t *rapid.T) { m.t = t; verbs[pick(t, len(verbs), "verb")](t) },
			"":    func(t *rapid.T) { m.t = t; m.Check(t) },
		})
		if err := rdb.FlushAll(ctx()).Err(); err != nil {
			t.Fatal(err)
		}
	})
	// A property that never leaves the first states would hold for a ledger that can do nothing else. Chance may leave out one or two.
	if all := len(States()) + len(PackageStates()); len(reached) < all-3 && !t.Failed() {
		t.Errorf("the runs met only %d of %d states: %v", len(reached), all, reached)
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
