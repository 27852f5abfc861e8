package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func TestWaits_TellsOldestNewestNearestAndBytes(t *testing.T) {
	w := oneWorld(t)
	if waits, err := w.Waits(ctx()); err != nil || waits != nil {
		t.Fatalf("an empty ledger has the waiting sets %v (error %v), want none", waits, err)
	}
	first, second, third := w.wait("1", "VAT", 30, 10), w.wait("2", "VAT", 10, 20), w.wait("3", "VAT", 20, 30)
	waits, err := w.Waits(ctx())
	w.must(err)
	want := []Waiting{{
		Group: groupA, Count: 3, Bytes: 60,
		Oldest: first.UpdatedAt.Time(), Newest: third.UpdatedAt.Time(), Deadline: noon.Add(10 * time.Hour),
	}}
	if d := cmp.Diff(want, waits); d != "" {
		t.Error(d)
	}
	ids, err := w.FirstWaiting(ctx(), groupA, 2)
	w.must(err)
	if !slices.Equal(ids, []string{second.ID, third.ID}) {
		t.Errorf("the first two that wait are %v, want those with the nearest deadlines", ids)
	}
}

func TestDueAndAtRisk_CountOnlyUndecidedInvoices(t *testing.T) {
	w := oneWorld(t)
	if n, next, err := w.AtRisk(ctx(), noon); n != 0 || !next.IsZero() || err != nil {
		t.Errorf("an empty ledger has %d invoices at risk, the next at %v (error %v): want none", n, next, err)
	}
	a, b, c := w.wait("1", "VAT", 1, 1), w.wait("2", "VAT", 2, 1), w.wait("3", "VAT", 3, 1)
	ids, err := w.Due(ctx(), noon.Add(2*time.Hour), 10)
	w.must(err)
	if !slices.Equal(ids, []string{a.ID, b.ID}) {
		t.Errorf("Due lists %v within two hours, want the first two, nearest first", ids)
	}
	if ids, _ = w.Due(ctx(), time.Time{}, 0); len(ids) != 3 {
		t.Errorf("without bounds Due lists %v, want three ids", ids)
	}
	w.move(a, Rejected)
	b = w.move(b, Parked) // a parked invoice is sent only if a person acts
	n, next, err := w.AtRisk(ctx(), noon.Add(200*time.Minute))
	if n != 1 || !next.Equal(noon.Add(3*time.Hour)) || err != nil {
		t.Errorf("%d invoices are at risk, the next at %v (error %v): want 1 in three hours", n, next, err)
	}
	a = w.again(a)
	w.must(w.Retry(ctx(), &a))
	w.must(w.Retry(ctx(), &b))
	if n, next, _ = w.AtRisk(ctx(), noon.Add(10*time.Hour)); n != 3 || !next.Equal(noon.Add(time.Hour)) {
		t.Errorf("after a retry %d invoices are at risk, the next at %v: want 3, in an hour", n, next)
	}
	_ = c
}

func TestInState_IsOldestFirstWithinItsBounds(t *testing.T) {
	w := oneWorld(t)
	var invs []Invoice
	for range 4 {
		invs = append(invs, w.take(w.fresh())...)
	}
	invs[0] = w.move(w.move(invs[0], Parked), Queued) // its last change is now the latest
	at := func(i int) time.Time { return invs[i].UpdatedAt.Time() }
	for name, c := range map[string]struct {
		from, to time.Time
		limit    int
		want     []int
	}{
		"all":                    {want: []int{1, 2, 3, 0}},
		"a limit":                {limit: 2, want: []int{1, 2}},
		"the start is included":  {from: at(2), want: []int{2, 3, 0}},
		"the end is included":    {to: at(2), want: []int{1, 2}},
		"both ends are included": {from: at(2), to: at(3), limit: 9, want: []int{2, 3}},
		"nothing that late":      {from: at(0).Add(time.Millisecond)},
		"an empty interval":      {from: at(3), to: at(1)},
	} {
		ids, err := w.InState(ctx(), Queued, c.from, c.to, c.limit)
		w.must(err)
		var want []string
		for _, i := range c.want {
			want = append(want, invs[i].ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", name, ids, want)
		}
	}
}

func TestReads_UnknownIDs_AreNotFoundOrLeftOut(t *testing.T) {
	w := oneWorld(t)
	inv := w.take(w.fresh())[0]
	if _, err := w.Invoice(ctx(), "inv-nobody"); err == nil || err.Error() != "read inv-nobody: not in the ledger" {
		t.Errorf("reading an unknown invoice gives %v, want that it is not in the ledger", err)
	}
	if _, err := w.Package(ctx(), "pkg-nobody"); err == nil || err.Error() != "read pkg-nobody: not in the ledger" {
		t.Errorf("reading an unknown package gives %v, want that it is not in the ledger", err)
	}
	if invs, err := w.Invoices(ctx(), []string{"inv-a", inv.ID, "inv-b"}); err != nil || len(invs) != 1 || invs[0].ID != inv.ID {
		t.Errorf("reading one known and two unknown ids gives %v (error %v), want the known invoice", invs, err)
	}
	if ids, err := w.Members(ctx(), "pkg-nobody"); err != nil || len(ids) != 0 {
		t.Errorf("an unknown package has the members %v (error %v), want none", ids, err)
	}
	bodies, err := w.BodiesOf(ctx(), []string{"inv-a", inv.ID})
	if err != nil || bodies[0] != nil || string(bodies[1]) != "sealed first" {
		t.Errorf("the documents are %q (error %v), want none for the unknown id, and that of the invoice", bodies, err)
	}
	if bodies, err := w.BodiesOf(ctx(), nil); err != nil || bodies != nil {
		t.Errorf("the documents of no ids are %v (error %v), want none", bodies, err)
	}
}

func TestReads_RedisGone_IsAnErrorNotAnEmptyLedger(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	_ = gone.Close()
	l := New(gone, Options{})
	for name, read := range map[string]func() error{
		"Invoice":         func() error { _, err := l.Invoice(ctx(), "x"); return err },
		"Invoices":        func() error { _, err := l.Invoices(ctx(), []string{"x"}); return err },
		"Package":         func() error { _, err := l.Package(ctx(), "x"); return err },
		"Members":         func() error { _, err := l.Members(ctx(), "x"); return err },
		"Held":            func() error { _, err := l.Held(ctx(), "x"); return err },
		"ByNumber":        func() error { _, err := l.ByNumber(ctx(), "x"); return err },
		"InState":         func() error { _, err := l.InState(ctx(), Sent, noon, noon, 1); return err },
		"PackagesInState": func() error { _, err := l.PackagesInState(ctx(), PackageCut, noon, noon, 1); return err },
		"Due":             func() error { _, err := l.Due(ctx(), noon, 1); return err },
		"Counts":          func() error { _, err := l.Counts(ctx()); return err },
		"Waits":           func() error { _, err := l.Waits(ctx()); return err },
		"FirstWaiting":    func() error { _, err := l.FirstWaiting(ctx(), groupA, 1); return err },
		"AtRisk":          func() error { _, _, err := l.AtRisk(ctx(), noon); return err },
		"Body":            func() error { _, err := l.Body(ctx(), "x"); return err },
		"BodiesOf":        func() error { _, err := l.BodiesOf(ctx(), []string{"x"}); return err },
		"Alive":           func() error { _, err := l.Alive(ctx(), "x"); return err },
		"Take":            func() error { _, err := l.Take(ctx(), []NewInvoice{document("1", "VAT", "2", "3")}); return err },
		"Cut":             func() error { _, err := l.Cut(ctx(), "p", groupA, CutLimits{1, 1}); return err },
		"Move":            func() error { return l.Move(ctx(), Move{ID: "x", To: Sent}) },
	} {
		if err := read(); err == nil {
			t.Errorf("%s: no error although Redis is gone", name)
		}
	}
}

func TestGroup_NameAndParse_AreInverse(t *testing.T) {
	for _, g := range []Group{{sellerA, "v3", false}, {sellerB, "v2", true}} {
		if got, ok := ParseGroup(g.Name()); !ok || got != g {
			t.Errorf("the name of group %s is read as %v (valid %v), want the same group", g.Name(), got, ok)
		}
	}
	for _, name := range []string{"", "a|b", "a|b|c", "a|b|online|x", "||", "a|b|Online"} {
		if g, ok := ParseGroup(name); ok {
			t.Errorf("the name %q is read as the group %+v, want it refused", name, g)
		}
	}
}

func TestWorkers_AreAliveUntilTheyLeaveOrFallSilent(t *testing.T) {
	w := oneWorld(t)
	alive := func() bool {
		ok, err := w.Alive(ctx(), "me")
		w.must(err)
		return ok
	}
	if alive() {
		t.Error("the worker is alive before its first heartbeat")
	}
	w.must(w.Beat(ctx(), "me", time.Hour))
	if ttl := w.rdb.PTTL(ctx(), w.prefix+"worker:me").Val(); !alive() || ttl <= 59*time.Minute || ttl > time.Hour {
		t.Errorf("alive is %v and the key expires in %v, want true for an hour", alive(), ttl)
	}
	w.must(w.rdb.PExpireAt(ctx(), w.prefix+"worker:me", time.Unix(1, 0)).Err()) // the heartbeat has expired
	if alive() {
		t.Error("the worker is alive after its heartbeat expired")
	}
	w.must(w.Beat(ctx(), "me", time.Hour))
	w.must(w.Leave(ctx(), "me"))
	if alive() {
		t.Error("the worker is alive after it left")
	}
}
