package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// again returns a document as it is exported a second time, with a new time of creation.
func again(t testing.TB, d Document, created string) Document {
	t.Helper()
	const before = "T08:15:00Z</DataWytworzeniaFa>"
	if !bytes.Contains(d.Data, []byte(before)) {
		t.Fatal("the document has no time of creation")
	}
	data := bytes.ReplaceAll(d.Data, []byte(before), []byte(created+"</DataWytworzeniaFa>"))
	return Document{File: "again-" + d.File, Data: data}
}

// end moves an entry to a state as a worker would. For the state receipted, it also archives the
// result and the document, as a receipt task does.
func (g *gate) end(inv ledger.Invoice, s ledger.State, document []byte) {
	g.t.Helper()
	ctx := g.t.Context()
	switch s {
	case ledger.Queued:
		return
	case ledger.Accepted, ledger.Receipted:
		g.must(g.Ledger.Move(ctx, ledger.Move{ID: inv.ID, To: ledger.Packed}))
		g.must(g.Ledger.Move(ctx, ledger.Move{
			ID: inv.ID, To: ledger.Accepted, Edit: ledger.Edit{}.Number(inv.NIP + "-20261123-0100A0DB5B00-7E"),
		}))
	default:
		g.must(g.Ledger.Move(ctx, ledger.Move{ID: inv.ID, To: s, Edit: ledger.Because(450, "no")}))
	}
	if s == ledger.Receipted {
		entry, err := g.Ledger.Invoice(ctx, inv.ID)
		g.must(err)
		entry.State = ledger.Receipted
		g.archive(entry, document)
		errs, err := g.Ledger.Receipt(ctx, []string{inv.ID}, "file:///upo.xml")
		g.must(errors.Join(append(errs, err)...))
	}
}

// unchanged fails when act changes the entry with this id, or adds or removes a key of the ledger.
// Only keys that count the inflow may come and go.
func (g *gate) unchanged(id string, act func()) {
	g.t.Helper()
	read := func() (ledger.Invoice, []string) {
		keys, err := g.rdb.Keys(g.t.Context(), "ksef:*").Result()
		g.must(err)
		slices.Sort(keys)
		inv, err := g.Ledger.Invoice(g.t.Context(), id)
		g.must(err)
		return inv, slices.DeleteFunc(keys, func(k string) bool { return strings.HasPrefix(k, "ksef:inflow:") })
	}
	before, keys := read()
	act()
	if after, now := read(); after != before || !slices.Equal(now, keys) {
		g.t.Errorf("the entry was %+v and is %+v, want no change; the keys were %v and are %v", before, after, keys, now)
	}
}

func TestAdmit_ExportedAgain_IsAlreadyHereInEveryState(t *testing.T) {
	for _, s := range []ledger.State{ledger.Queued, ledger.Packed, ledger.Accepted, ledger.Receipted, ledger.Rejected, ledger.Parked} {
		for name, d := range map[string]Document{"in Redis": numbered(1), "in the store": big(1)} {
			t.Run(string(s)+" "+name, func(t *testing.T) {
				g := newGate(t, bytes.Repeat([]byte{7}, 32))
				first := g.admit(d)[0].Invoice
				g.end(first, s, d.Data)
				second := again(t, d, "T09:30:00Z")
				g.unchanged(first.ID, func() {
					got := g.admit(second)[0]
					if got.Taken != ledger.Present || got.Invoice.ID != first.ID || got.Invoice.State != s ||
						got.Differs != "only the time of creation differs" {
						t.Errorf("the second export: %+v, want it present, with the time of creation as the only difference", got)
					}
				})
				third := Document{File: "c.xml", Data: bytes.ReplaceAll(second.Data, []byte("ksefworker sample"), []byte("ERP &#50;"))}
				const both = "only the time of creation and SystemInfo differ"
				if got := g.admit(third)[0]; got.Taken != ledger.Present || got.Differs != both {
					t.Errorf("the export of another program is %+v, want it present with both differences", got)
				}
				spaced := Document{File: "d.xml", Data: bytes.ReplaceAll(d.Data, []byte("\n"), []byte("\t"))}
				if got := g.admit(spaced)[0]; got.Taken != ledger.Present || got.Differs != "only its layout differs" {
					t.Errorf("the export in another layout is %+v, want it present with this difference", got)
				}
				if got := g.admit(d)[0]; got.Taken != ledger.Present || got.Differs != "" {
					t.Errorf("the same bytes are %+v, want them present without a difference", got)
				}
			})
		}
	}
}

func TestAdmit_OtherContent_IsRefusedWithItsFirstDifferenceUnlessTheFirstHasEnded(t *testing.T) {
	for _, s := range []ledger.State{
		ledger.Queued, ledger.Packed, ledger.Accepted, ledger.Receipted, ledger.Rejected, ledger.Parked, ledger.Dismissed,
	} {
		t.Run(string(s), func(t *testing.T) {
			g := newGate(t, nil)
			d := numbered(1)
			first := g.admit(d)[0].Invoice
			g.end(first, s, d.Data)
			other := again(t, d, "T09:30:00Z")
			other.Data = bytes.Replace(other.Data, []byte("<P_15>"), []byte("<P_15>1"), 1)
			got := g.admit(other)[0]
			if s.Ended() {
				if got.Taken != ledger.Created || got.Invoice.Revision != 2 || got.Invoice.ID == first.ID || !g.queued(got.Invoice) {
					t.Errorf("after the first has ended, the other document: %+v, want it taken as revision 2", got)
				}
				return
			}
			var refused *RefusedError
			want := fmt.Sprintf("is already %s with other content as %s (first difference: Fa/P_15)", s, first.ID)
			if got.Taken != ledger.Refused || !errors.As(got.Err, &refused) || !strings.Contains(got.Err.Error(), want) {
				t.Errorf("the other document: %+v, want it refused with %q", got, want)
			}
		})
	}
}

// An ERP wrote the time of creation in a wrong form, and KSeF rejected the invoice. The ERP was
// fixed and exports the invoice again. Only the time of creation differs, and the document is taken
// as a new one.
func TestAdmit_RejectedForItsTimeOfCreation_TheNextExportIsTaken(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	wrong := again(t, d, " 08:15:00")
	first := g.admit(wrong)[0].Invoice
	if got := g.admit(d)[0]; got.Taken != ledger.Present {
		t.Errorf("while the first can still be sent, the second export is %+v, want it present", got)
	}
	g.end(first, ledger.Rejected, nil)
	if got := g.admit(d)[0]; got.Taken != ledger.Created || got.Invoice.Revision != 2 {
		t.Errorf("after the rejection, the second export is %+v, want it taken as revision 2", got)
	}
}

func TestAdmit_ManyExportsOfOneInvoiceInOneCall_OneIsTaken(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	other := Document{File: "other.xml", Data: bytes.Replace(d.Data, []byte("<P_15>"), []byte("<P_15>1"), 1)}
	got := g.admit(again(t, d, "T01:00:00Z"), again(t, d, "T02:00:00Z"), other, again(t, d, "T02:00:00Z"), numbered(2))
	for i, want := range []ledger.Taken{ledger.Created, ledger.Present, ledger.Refused, ledger.Present, ledger.Created} {
		if got[i].Taken != want {
			t.Errorf("answer %d is %s, %v, want %s", i, got[i].Taken, got[i].Err, want)
		}
	}
	g.end(got[0].Invoice, ledger.Rejected, nil)
	// In the next call, the first and the third document have other content than the
	// rejected invoice with their number. Both are exports of one invoice, so only one of
	// them is taken.
	third := again(t, other, "T03:00:00Z")
	got = g.admit(other, again(t, d, "T04:00:00Z"), third)
	for i, want := range []ledger.Taken{ledger.Created, ledger.Present, ledger.Present} {
		if got[i].Taken != want {
			t.Errorf("after the first was rejected, answer %d is %s, %v, want %s", i, got[i].Taken, got[i].Err, want)
		}
	}
	if got[1].Invoice.State != ledger.Rejected || got[2].Invoice.ID != got[0].Invoice.ID {
		t.Errorf("want the rejected invoice, and one new invoice for both other exports: %+v", got)
	}
}

// awayStore is a store from which nothing can be read. It hangs, or refuses at once.
type awayStore struct {
	archive.Store
	hangs bool
}

func (s awayStore) Get(ctx context.Context, name string) ([]byte, error) {
	if s.hangs {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return nil, errors.New("connection refused")
}

func TestAdmit_ArchiveAway_WhatCannotBeComparedIsToBeHandedInAgainAndHarmsNoOther(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.end(first, ledger.Receipted, d.Data)
	sound := g.Store
	g.Store = awayStore{Store: sound}
	second := again(t, d, "T09:30:00Z")
	got := g.admit(numbered(2), second, d)
	var unsure *UnsureError
	const why = "connection refused; nothing was taken, hand it in again"
	if got[1].Taken != ledger.Refused || !errors.As(got[1].Err, &unsure) || !strings.Contains(got[1].Err.Error(), why) {
		t.Errorf("the document that cannot be compared: %+v, want an UnsureError with %q", got[1], why)
	}
	if got[0].Taken != ledger.Created || got[2].Taken != ledger.Present {
		t.Errorf("the other documents are %s and %s, want created and present", got[0].Taken, got[2].Taken)
	}
	// When the store does not answer, a call waits only until the timeout.
	g.Store, g.timeout = awayStore{Store: sound, hangs: true}, 50*time.Millisecond
	got = g.admit(second, numbered(3))
	if !errors.As(got[0].Err, &unsure) || !strings.Contains(got[0].Err.Error(), "the archive does not answer") ||
		got[1].Taken != ledger.Created {
		t.Errorf("with a store that does not answer, want an UnsureError for the first document and the second taken: %+v", got)
	}
	g.Store = sound
	if got := g.admit(second)[0]; got.Taken != ledger.Present {
		t.Errorf("when the store is back, the second export is %+v, want it present", got)
	}
}

func TestAdmit_DocumentOfTheFirstIsLost_TheSecondIsTakenOnlyIfTheFirstHasEnded(t *testing.T) {
	for _, s := range []ledger.State{ledger.Queued, ledger.Parked, ledger.Rejected, ledger.Dismissed} {
		g := newGate(t, nil)
		d := numbered(1)
		first := g.admit(d)[0].Invoice
		g.end(first, s, nil)
		g.must(g.rdb.Del(t.Context(), "ksef:body:"+first.ID).Err())
		got := g.admit(again(t, d, "T09:30:00Z"))[0]
		if s.Ended() {
			if got.Taken != ledger.Created || got.Invoice.Revision != 2 {
				t.Errorf("after the first was %s, the second export: %+v, want it taken as revision 2", s, got)
			}
			continue
		}
		var refused *RefusedError
		want := "is already queued as " + first.ID + ", whose document is not here any more"
		if !errors.As(got.Err, &refused) || !strings.Contains(got.Err.Error(), want) {
			t.Errorf("while the first is %s, the second export: %+v, want it refused with %q", s, got, want)
		}
	}
}

// The stored document of a parked invoice is damaged. The same file, handed in again, repairs the
// document. A second export takes the place of the invoice.
func TestAdmit_StoredDocumentOfAParkedInvoiceIsDamaged_IsReplaced(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.end(first, ledger.Parked, nil)
	whole, err := g.rdb.Get(t.Context(), "ksef:body:"+first.ID).Bytes()
	g.must(err)
	g.must(g.rdb.Set(t.Context(), "ksef:body:"+first.ID, "\x01damaged", 0).Err())
	if got := g.admit(d)[0]; got.Taken != ledger.Present || got.Invoice.State != ledger.Parked {
		t.Errorf("the same file, handed in again, is %+v, want it present and parked", got)
	}
	if now, err := g.rdb.Get(t.Context(), "ksef:body:"+first.ID).Bytes(); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the stored document was not repaired: %v", err)
	}
	g.must(g.rdb.Set(t.Context(), "ksef:body:"+first.ID, "\x01damaged", 0).Err())
	if got := g.admit(again(t, d, "T09:30:00Z"))[0]; got.Taken != ledger.Created || got.Invoice.Revision != 2 {
		t.Errorf("the second export is %+v, want it taken as revision 2", got)
	}
}

func TestAdmit_StoredDocumentIsDamaged_TheArchivedOneIsCompared(t *testing.T) {
	g := newGate(t, nil)
	d, other := numbered(1), numbered(2)
	first := g.admit(d)[0].Invoice
	sealed, err := g.Bodies.Seal(first.ID, other.Data)
	g.must(err)
	g.must(g.rdb.Set(t.Context(), "ksef:body:"+first.ID, sealed, 0).Err())
	path := filepath.Join(g.folder, archive.InvoiceName(first.NIP, first.IssueDate, first.ID))
	g.must(os.MkdirAll(filepath.Dir(path), 0o700))
	g.must(os.WriteFile(path, d.Data, 0o600))
	if got := g.admit(again(t, d, "T09:30:00Z"))[0]; got.Taken != ledger.Present {
		t.Errorf("the second export: %+v, want it present", got)
	}
}

func TestAdmit_EntryOfTheFirstCannotBeRead_OnlyItsOwnDocumentWaits(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.must(g.rdb.HSet(t.Context(), "ksef:inv:"+first.ID, "facts", `{"v":9}`).Err())
	got := g.admit(again(t, d, "T09:30:00Z"), numbered(2))
	var refused *RefusedError
	if !errors.As(got[0].Err, &refused) || !strings.Contains(refused.Rule, first.ID) ||
		!refused.Unread || !strings.Contains(refused.Rule, "a newer version wrote") || got[1].Taken != ledger.Created {
		t.Errorf("want the first document refused because its entry cannot be read, and the second taken: %+v", got)
	}
}

func TestAdmit_AllExportedAgain_IsAnsweredInBatches(t *testing.T) {
	g := newGate(t, nil)
	var docs, second []Document
	for i := range 300 {
		docs = append(docs, doc(fmt.Sprint(i, ".xml"), sample.Options{
			Number: fmt.Sprint("FV/", i), IssueDate: "2026-11-23", Seed: uint64(i),
		}))
		second = append(second, again(t, docs[i], "T09:30:00Z"))
	}
	first := g.admit(docs...)
	for i, got := range g.admit(second...) {
		if got.Taken != ledger.Present || got.Invoice.ID != first[i].Invoice.ID {
			t.Fatalf("document %d, exported again: %+v, want its first invoice", i, got)
		}
	}
}
