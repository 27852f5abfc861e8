package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// world is one ledger under a prefix of its own. Its clock advances by a millisecond each time it
// is read, so that every write has a time of its own. When a test ends and has not failed, every
// index is checked against the entries.
type world struct {
	*bed
	*scenes
	*seals
}

// bed is the ledger and the ways to look at it.
type bed struct {
	*Ledger
	t      testing.TB
	rdb    *redis.Client
	millis atomic.Int64
	serial int
}

// scenes leads invoices and packages into states.
type scenes struct{ *bed }

// seals writes and reads texts and documents that are sealed with storage keys.
type seals struct{ *bed }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// worlds starts one Redis for a test and returns a function that makes ledgers in it.
func worlds(t testing.TB) func(testing.TB) *world {
	rdb, _ := redistest.New(t)
	n := 0
	return func(t testing.TB) *world {
		n++
		return newWorld(t, rdb, fmt.Sprintf("w%d:", n))
	}
}

func oneWorld(t testing.TB) *world { return worlds(t)(t) }

func newWorld(t testing.TB, rdb *redis.Client, prefix string) *world {
	b := &bed{t: t, rdb: rdb}
	w := &world{b, &scenes{b}, &seals{b}}
	w.millis.Store(noon.UnixMilli())
	w.Ledger = New(rdb, Options{Prefix: prefix, Now: func() time.Time { return time.UnixMilli(w.millis.Add(1)) }})
	if err := w.Claim(ctx(), testHome); err != nil {
		panic(err)
	}
	if tt, ok := t.(*testing.T); ok {
		tt.Cleanup(func() {
			if !tt.Failed() {
				w.audit()
			}
		})
	}
	return w
}

// audit fails the test when any index disagrees with the entries.
func (b *bed) audit() {
	b.t.Helper()
	for _, fault := range snapshotOf(b.t, b.rdb, b.prefix).faults() {
		b.t.Error(fault)
	}
}

// unchanged runs act, and fails the test if act has changed the ledger.
func (b *bed) unchanged(act func()) {
	b.t.Helper()
	before := snapshotOf(b.t, b.rdb, b.prefix)
	act()
	b.unchangedSince(before)
}

func (b *bed) unchangedSince(before snapshot) {
	b.t.Helper()
	if d := cmp.Diff(before, snapshotOf(b.t, b.rdb, b.prefix)); d != "" {
		b.t.Errorf("the ledger changed (-before +after):\n%s", d)
	}
}

func ctx() context.Context { return context.Background() }

const (
	sellerA = "5265877635"
	sellerB = "1111111111"
)

// fresh describes an invoice that was not handed in yet.
func (b *bed) fresh() NewInvoice {
	b.serial++
	return document(sellerA, "VAT", fmt.Sprintf("FV/%d", b.serial), "first")
}

func document(nip, kind, number, content string) NewInvoice {
	sum := sha256.Sum256([]byte(content))
	return NewInvoice{
		Invoice: Invoice{
			Facts: Facts{
				ID: InvoiceID(Identity{nip, kind, number}, sum), Tenant: nip, NIP: nip, Kind: kind,
				IssueDate: "2026-11-23", File: number + ".xml", Form: "v3",
				SoftDeadline: At(noon.Add(11 * time.Hour)),
			},
			Number: number, Hash: base64.StdEncoding.EncodeToString(sum[:]), Lane: Auto, Size: 1000,
			Deadline: At(noon.Add(36 * time.Hour)),
		},
		Body: []byte("sealed " + content),
	}
}

// take hands in documents, expects that all are created, and returns their entries.
func (b *bed) take(docs ...NewInvoice) []Invoice {
	b.t.Helper()
	res, err := b.Take(ctx(), docs)
	b.must(err)
	ids := make([]string, len(res))
	for i, r := range res {
		if r.Taken != Created {
			b.t.Fatalf("take %s: %s, want created", docs[i].Number, r.Taken)
		}
		ids[i] = r.ID
	}
	return b.read(ids...)
}

func (b *bed) read(ids ...string) []Invoice {
	b.t.Helper()
	invs, err := b.Invoices(ctx(), ids)
	b.must(err)
	if len(invs) != len(ids) {
		b.t.Fatalf("only %d of %d entries could be read", len(invs), len(ids))
	}
	return invs
}

func (b *bed) again(inv Invoice) Invoice { b.t.Helper(); return b.read(inv.ID)[0] }

func (b *bed) readPackage(id string) Package {
	b.t.Helper()
	p, err := b.Package(ctx(), id)
	b.must(err)
	return p
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) move(inv Invoice, to State, set ...change) Invoice {
	b.t.Helper()
	b.must(b.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: to, Edit: set}))
	return b.again(inv)
}

// waiting makes n invoices in one waiting set.
func (sc *scenes) waiting(n int) []Invoice {
	sc.t.Helper()
	var ids []string
	for range n {
		inv := sc.take(sc.fresh())[0]
		sc.must(sc.Wait(ctx(), &inv))
		ids = append(ids, inv.ID)
	}
	return sc.read(ids...)
}

var groupA = Group{Tenant: sellerA, Form: "v3"}

// packed makes a package of n invoices.
func (sc *scenes) packed(n int) Package {
	sc.t.Helper()
	sc.waiting(n)
	return sc.cut(groupA, CutLimits{Invoices: n, Bytes: 1 << 40})
}

func (sc *scenes) cut(g Group, lim CutLimits) Package {
	sc.t.Helper()
	sc.serial++
	id := fmt.Sprintf("pkg-%d", sc.serial)
	ids, err := sc.Cut(ctx(), id, g, lim)
	sc.must(err)
	if len(ids) == 0 {
		sc.t.Fatal("Cut took no invoice")
	}
	return sc.readPackage(id)
}

// online records an open online session of worker "me".
func (sc *scenes) online() Package {
	sc.t.Helper()
	sc.serial++
	p, err := sc.OpenOnline(ctx(), Package{
		ID: fmt.Sprintf("pkg-%d", sc.serial), Tenant: sellerA, Form: "v3",
		Session: fmt.Sprintf("session-%d", sc.serial), Owner: "me",
	})
	sc.must(err)
	return p
}

// step moves a package and its invoices to a state, with the edits that a worker makes.
func (sc *scenes) step(p *Package, to PackageState) {
	sc.t.Helper()
	sc.must(sc.MovePackage(ctx(), p, stepOf(p, to)))
}

func stepOf(p *Package, to PackageState) PackageMove {
	m := PackageMove{To: to}
	switch to {
	case PackageOpened:
		m.Edit = PackageEdit{}.Opened("session-of-"+p.ID, "me", 0)
	case PackageClosing:
		m.InvoicesFrom, m.InvoicesTo, m.InvoicesEdit = []State{Packed}, Sending, Edit{{"session", p.Session}}
	case PackageProcessing:
		m.InvoicesFrom, m.InvoicesTo = []State{Sending, Unknown}, Sent
	case PackageAbandoned:
		m.InvoicesFrom, m.InvoicesTo = []State{Packed}, Queued
		m.InvoicesGroup, m.InvoicesEdit = Group{p.Tenant, p.Form, p.Offline}.Name(), Edit{{"package", ""}, {"session", ""}}
	case PackageFailed:
		m.InvoicesFrom, m.InvoicesTo = []State{Sending, Unknown, Sent}, Queued
		m.InvoicesEdit = Edit{{"package", ""}, {"session", ""}}
	}
	return m
}

// packagePath is the path of a package that nothing goes wrong with.
var packagePath = []PackageState{
	PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing, PackageSettled, PackageReceipted,
}

// packageIn brings a new package of two invoices into a state.
func (sc *scenes) packageIn(s PackageState) Package {
	sc.t.Helper()
	p := sc.packed(2)
	switch s {
	case PackageAbandoned:
		sc.step(&p, s)
		return sc.readPackage(p.ID)
	case PackageFailed:
		for _, next := range packagePath[1:5] {
			sc.step(&p, next)
		}
		sc.step(&p, s)
		return sc.readPackage(p.ID)
	}
	for _, next := range packagePath[1:] {
		if p.State == s {
			break
		}
		if next == PackageSettled {
			held, err := sc.Held(ctx(), p.ID)
			sc.must(err)
			for _, inv := range held {
				sc.move(inv, Accepted)
			}
		}
		sc.step(&p, next)
	}
	return sc.readPackage(p.ID)
}

// invoiceIn brings a new invoice into a state by the verbs that the worker uses.
func (sc *scenes) invoiceIn(s State) Invoice {
	sc.t.Helper()
	switch s {
	case Queued:
		return sc.take(sc.fresh())[0]
	case Rejected, Parked, Dismissed:
		return sc.move(sc.take(sc.fresh())[0], s)
	case Superseded:
		return sc.move(sc.invoiceIn(Parked), s)
	case Packed:
		return sc.heldBy(sc.packed(1))
	case Unknown:
		inv, p := sc.take(sc.fresh())[0], sc.online()
		_, _, err := sc.BeginSend(ctx(), p.ID, "me", &inv)
		sc.must(err)
		return sc.move(sc.again(inv), Unknown)
	}
	p := sc.packed(1)
	for _, next := range packagePath[1:4] {
		sc.step(&p, next)
	}
	if s == Sending {
		return sc.heldBy(p)
	}
	sc.step(&p, PackageProcessing)
	inv := sc.heldBy(p)
	if s == Sent {
		return inv
	}
	inv = sc.move(inv, Accepted, change{"ksef_number", "5265877635-20250826-0100001AF629-AF"})
	if s == Receipted {
		errs, err := sc.Receipt(ctx(), []string{inv.ID}, "file:///upo.xml")
		sc.must(errors.Join(append(errs, err)...))
		inv = sc.again(inv)
	}
	return inv
}

func (sc *scenes) heldBy(p Package) Invoice {
	sc.t.Helper()
	held, err := sc.Held(ctx(), p.ID)
	sc.must(err)
	if len(held) != 1 {
		sc.t.Fatalf("%s holds %d invoices, want 1", p.ID, len(held))
	}
	return held[0]
}

// conflict fails the test unless err is a *ConflictError, and returns it.
func (b *bed) conflict(err error) *ConflictError {
	b.t.Helper()
	var c *ConflictError
	if !errors.As(err, &c) {
		b.t.Fatalf("got %v, want a *ConflictError", err)
	}
	return c
}
