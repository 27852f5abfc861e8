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
// is read, so that every write has a time of its own. When the test ends, every index is checked
// against the entries.
type world struct {
	*Ledger
	t      testing.TB
	rdb    *redis.Client
	millis atomic.Int64
	serial int
}

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
	w := &world{t: t, rdb: rdb}
	w.millis.Store(noon.UnixMilli())
	w.Ledger = New(rdb, Options{Prefix: prefix, Now: func() time.Time { return time.UnixMilli(w.millis.Add(1)) }})
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
func (w *world) audit() {
	w.t.Helper()
	for _, fault := range snapshotOf(w.t, w.rdb, w.prefix).faults() {
		w.t.Error(fault)
	}
}

// unchanged runs act and fails when it wrote anything at all.
func (w *world) unchanged(act func()) {
	w.t.Helper()
	before := snapshotOf(w.t, w.rdb, w.prefix)
	act()
	w.unchangedSince(before)
}

func (w *world) unchangedSince(before snapshot) {
	w.t.Helper()
	if d := cmp.Diff(before, snapshotOf(w.t, w.rdb, w.prefix)); d != "" {
		w.t.Errorf("the ledger changed (-before +after):\n%s", d)
	}
}

func ctx() context.Context { return context.Background() }

const (
	sellerA = "5265877635"
	sellerB = "1111111111"
)

// fresh describes an invoice that was not handed in yet.
func (w *world) fresh() NewInvoice {
	w.serial++
	return document(sellerA, "VAT", fmt.Sprintf("FV/%d", w.serial), "first")
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
func (w *world) take(docs ...NewInvoice) []Invoice {
	w.t.Helper()
	res, err := w.Take(ctx(), docs)
	w.must(err)
	ids := make([]string, len(res))
	for i, r := range res {
		if r.Taken != Created {
			w.t.Fatalf("take %s: %s, want created", docs[i].Number, r.Taken)
		}
		ids[i] = r.ID
	}
	return w.read(ids...)
}

func (w *world) read(ids ...string) []Invoice {
	w.t.Helper()
	invs, err := w.Invoices(ctx(), ids)
	w.must(err)
	if len(invs) != len(ids) {
		w.t.Fatalf("read %d of %d entries", len(invs), len(ids))
	}
	return invs
}

func (w *world) again(inv Invoice) Invoice { w.t.Helper(); return w.read(inv.ID)[0] }

func (w *world) readPackage(id string) Package {
	w.t.Helper()
	p, err := w.Package(ctx(), id)
	w.must(err)
	return p
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) move(inv Invoice, to State, set ...change) Invoice {
	w.t.Helper()
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: to, Edit: set}))
	return w.again(inv)
}

// waiting makes n invoices in one waiting set.
func (w *world) waiting(n int) []Invoice {
	w.t.Helper()
	var ids []string
	for range n {
		inv := w.take(w.fresh())[0]
		w.must(w.Wait(ctx(), &inv))
		ids = append(ids, inv.ID)
	}
	return w.read(ids...)
}

var groupA = Group{Tenant: sellerA, Form: "v3"}

// packed makes a package of n invoices.
func (w *world) packed(n int) Package {
	w.t.Helper()
	w.waiting(n)
	return w.cut(groupA, CutLimits{Invoices: n, Bytes: 1 << 40})
}

func (w *world) cut(g Group, lim CutLimits) Package {
	w.t.Helper()
	w.serial++
	id := fmt.Sprintf("pkg-%d", w.serial)
	ids, err := w.Cut(ctx(), id, g, lim)
	w.must(err)
	if len(ids) == 0 {
		w.t.Fatal("cut took nothing")
	}
	return w.readPackage(id)
}

// online records an open online session of worker "me".
func (w *world) online() Package {
	w.t.Helper()
	w.serial++
	p, err := w.OpenOnline(ctx(), Package{
		ID: fmt.Sprintf("pkg-%d", w.serial), Tenant: sellerA, Form: "v3",
		Session: fmt.Sprintf("session-%d", w.serial), Owner: "me",
	})
	w.must(err)
	return p
}

// step moves a package and its invoices as the worker does.
func (w *world) step(p *Package, to PackageState) {
	w.t.Helper()
	w.must(w.MovePackage(ctx(), p, stepOf(p, to)))
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
func (w *world) packageIn(s PackageState) Package {
	w.t.Helper()
	p := w.packed(2)
	switch s {
	case PackageAbandoned:
		w.step(&p, s)
		return w.readPackage(p.ID)
	case PackageFailed:
		for _, next := range packagePath[1:5] {
			w.step(&p, next)
		}
		w.step(&p, s)
		return w.readPackage(p.ID)
	}
	for _, next := range packagePath[1:] {
		if p.State == s {
			break
		}
		if next == PackageSettled {
			held, err := w.Held(ctx(), p.ID)
			w.must(err)
			for _, inv := range held {
				w.move(inv, Accepted)
			}
		}
		w.step(&p, next)
	}
	return w.readPackage(p.ID)
}

// invoiceIn brings a new invoice into a state by the verbs that the worker uses.
func (w *world) invoiceIn(s State) Invoice {
	w.t.Helper()
	switch s {
	case Queued:
		return w.take(w.fresh())[0]
	case Rejected, Parked, Dismissed:
		return w.move(w.take(w.fresh())[0], s)
	case Superseded:
		return w.move(w.invoiceIn(Parked), s)
	case Packed:
		return w.heldBy(w.packed(1))
	case Unknown:
		inv, p := w.take(w.fresh())[0], w.online()
		_, _, err := w.BeginSend(ctx(), p.ID, "me", &inv)
		w.must(err)
		return w.move(w.again(inv), Unknown)
	}
	p := w.packed(1)
	for _, next := range packagePath[1:4] {
		w.step(&p, next)
	}
	if s == Sending {
		return w.heldBy(p)
	}
	w.step(&p, PackageProcessing)
	inv := w.heldBy(p)
	if s == Sent {
		return inv
	}
	inv = w.move(inv, Accepted, change{"ksef_number", "5265877635-20250826-0100001AF629-AF"})
	if s == Receipted {
		errs, err := w.Receipt(ctx(), []string{inv.ID}, "file:///upo.xml")
		w.must(errors.Join(append(errs, err)...))
		inv = w.again(inv)
	}
	return inv
}

func (w *world) heldBy(p Package) Invoice {
	w.t.Helper()
	held, err := w.Held(ctx(), p.ID)
	w.must(err)
	if len(held) != 1 {
		w.t.Fatalf("%s holds %d invoices, want 1", p.ID, len(held))
	}
	return held[0]
}

// conflict fails the test unless err is a *ConflictError, and returns it.
func (w *world) conflict(err error) *ConflictError {
	w.t.Helper()
	var c *ConflictError
	if !errors.As(err, &c) {
		w.t.Fatalf("got %v, want a *ConflictError", err)
	}
	return c
}
