package intake

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

const retention = 90 * 24 * time.Hour

// later sets the clock of the gate to monday plus d. If d is longer than the retention, later also
// prunes all entries that have ended.
func (g *gate) later(d time.Duration) {
	g.t.Helper()
	now := monday.Add(d)
	g.Retention, g.Now = retention, func() time.Time { return now }
	// The ledger dates the entries by the clock of this machine, not by the clock of the test, so
	// no entry is old. The negative retention prunes them all the same.
	if d > retention {
		_, err := g.Ledger.Prune(g.t.Context(), -time.Hour, 1000)
		g.must(err)
	}
}

// reads records what is read from the archive.
type reads struct {
	archive.Store
	names *[]string
}

func (r reads) Get(ctx context.Context, name string) ([]byte, error) {
	*r.names = append(*r.names, name)
	return r.Store.Get(ctx, name)
}

func TestAdmit_AcceptedLongAgoAndPruned_IsAlreadyHereByItsArchivedResult(t *testing.T) {
	for name, d := range map[string]Document{"small": numbered(1), "large": big(1)} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, nil)
			first := g.admit(d)[0].Invoice
			g.end(first, ledger.Receipted, d.Data)
			g.must(g.Store.Remove(t.Context(), archive.BodyName(first.ID))) // as a receipt task does
			g.later(91 * 24 * time.Hour)
			if _, err := g.Ledger.Invoice(t.Context(), first.ID); !errors.Is(err, ledger.ErrNotFound) {
				t.Fatalf("the entry was not pruned: %v", err)
			}
			got := g.admit(d)[0]
			inv := got.Invoice
			if got.Taken != ledger.Present || !got.Archived || inv.State != ledger.Receipted || inv.ID != first.ID ||
				inv.Hash != first.Hash || inv.KsefNumber != first.NIP+"-20261123-0100A0DB5B00-7E" ||
				inv.UpdatedAt == 0 || inv.Deadline != first.Deadline {
				t.Errorf("the answer is %+v, want the invoice %s as archived: receipted, with its KSeF number", got, first.ID)
			}
			if known, err := g.Ledger.Known(t.Context(), []string{first.ID}); err != nil || known[0] {
				t.Errorf("the invoice was taken again: %v, %v", known, err)
			}
			if _, files := g.stored(); slices.Contains(files, archive.BodyName(first.ID)) {
				t.Errorf("a document is left behind: %v", files)
			}
		})
	}
}

func TestAdmit_OldButNotAccepted_IsTaken(t *testing.T) {
	for _, s := range []ledger.State{"", ledger.Rejected, ledger.Parked} {
		t.Run("archived as "+string(s), func(t *testing.T) {
			g := newGate(t, nil)
			d := numbered(1)
			if s != "" {
				first := g.admit(d)[0].Invoice
				g.end(first, s, nil)
				entry, err := g.Ledger.Invoice(t.Context(), first.ID)
				g.must(err)
				g.archive(entry, d.Data)
				g.must(g.rdb.FlushAll(t.Context()).Err())
			}
			g.later(91 * 24 * time.Hour)
			got := g.admit(d)[0]
			if got.Taken != ledger.Created || got.Archived || !g.queued(got.Invoice) {
				t.Errorf("the document that was not accepted: %+v, want it taken and queued", got)
			}
			if again := g.admit(d)[0]; again.Taken != ledger.Present || again.Archived {
				t.Errorf("handed in again, the document is %+v, want it present in the ledger", again)
			}
		})
	}
}

func TestAdmit_ArchiveIsAsked_OnlyForOldDocumentsThatTheLedgerLacks(t *testing.T) {
	g := newGate(t, nil)
	var names []string
	g.Store = reads{g.Store, &names}
	old := g.admit(numbered(1))[0].Invoice
	g.Retention, g.Now = retention, func() time.Time { return monday.Add(91 * 24 * time.Hour) }
	fresh := doc("fresh.xml", sample.Options{Number: "N/1", IssueDate: "2026-11-25"})
	g.admit(numbered(1), fresh) // the old document is still in the ledger
	if len(names) > 0 {
		t.Errorf("the archive was asked for %v, want nothing", names)
	}
	unknown := doc("old.xml", sample.Options{Number: "O/1", IssueDate: "2026-11-24"}) // exactly ninety days old
	got := g.admit(numbered(1), unknown, fresh)
	if want := archive.ResultName(old.NIP, "2026-11-24", got[1].Invoice.ID); !slices.Equal(names, []string{want}) {
		t.Errorf("the archive was asked for %v, want %s", names, want)
	}
	names = nil
	g.Retention = 0 // the ledger prunes nothing
	g.admit(doc("older.xml", sample.Options{Number: "O/2", IssueDate: "2026-01-24"}))
	if len(names) > 0 {
		t.Errorf("the archive was asked for %v, want nothing", names)
	}
}

func TestAdmit_ArchiveAway_AnOldDocumentIsNotSentOnAGuess(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.end(first, ledger.Receipted, d.Data)
	g.later(91 * 24 * time.Hour)
	sound := g.Store
	fresh := doc("fresh.xml", sample.Options{Number: "N/1", IssueDate: "2027-02-21"})
	g.timeout = 50 * time.Millisecond
	for why, store := range map[string]archive.Store{
		"connection refused": awayStore{Store: sound}, "the archive does not answer": awayStore{Store: sound, hangs: true},
	} {
		g.Store = store
		var unsure *UnsureError
		got := g.admit(d)[0]
		if !errors.As(got.Err, &unsure) || !strings.Contains(got.Err.Error(), why+"; nothing was taken, hand it in again") {
			t.Errorf("%s: %+v, want an UnsureError that says to hand the document in again", why, got)
		}
		if known, err := g.Ledger.Known(t.Context(), []string{first.ID}); err != nil || known[0] {
			t.Errorf("%s: the ledger has taken the document again: %v, %v", why, known, err)
		}
	}
	g.Store = awayStore{Store: sound}
	if out := g.admit(d, fresh); out[1].Taken != ledger.Created {
		t.Errorf("a new document: %+v, want it taken", out[1])
	}
	g.Store = sound
	if got := g.admit(d)[0]; got.Taken != ledger.Present {
		t.Errorf("when the archive is back, the document is %+v, want it present", got)
	}
}

func TestAdmit_ArchivedResultIsOfAnotherDocumentOrDamaged_IsUnsure(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	first := g.admit(d)[0].Invoice
	g.end(first, ledger.Receipted, d.Data)
	g.later(91 * 24 * time.Hour)
	path := filepath.Join(g.folder, archive.ResultName(first.NIP, first.IssueDate, first.ID))
	raw, err := os.ReadFile(path)
	g.must(err)
	for _, other := range [][]byte{raw[:len(raw)/2], []byte("{}"), bytes.ReplaceAll(raw, []byte(first.ID), []byte("inv-other"))} {
		g.must(os.WriteFile(path, other, 0o600))
		var unsure *UnsureError
		if got := g.admit(d)[0]; !errors.As(got.Err, &unsure) {
			t.Errorf("with the archived result %q: %+v, want an UnsureError", other, got)
		}
	}
}

// The invoice was accepted so long ago that the ledger has forgotten it. The worker archived it in
// one object with other invoices of its package. When the invoice is handed in again, it is found
// there.
func TestAdmit_AcceptedLongAgoAndArchivedInABundle_IsAlreadyHere(t *testing.T) {
	g := newGate(t, nil)
	d, never := numbered(1), numbered(2)
	first, name, index := g.bundled(d)
	g.later(91 * 24 * time.Hour)
	got := g.admit(d, never)
	if got[0].Taken != ledger.Present || !got[0].Archived || got[0].Invoice.KsefNumber == "" || got[0].Invoice.ID != first.ID {
		t.Errorf("the invoice that was accepted long ago: %+v, want it present and archived", got[0])
	}
	if got[1].Taken != ledger.Created {
		t.Errorf("the invoice that was never handed in before: %+v, want it taken", got[1])
	}
	// A damaged bundle may contain the invoice, so the invoice must not be taken again.
	g.must(g.rdb.FlushAll(t.Context()).Err())
	for _, damaged := range []string{name, index} {
		g.must(os.WriteFile(filepath.Join(g.folder, damaged), []byte("damaged"), 0o600))
	}
	g.Store = bundle.Over(g.Store.(*bundle.Store).Unwrap())
	if got := g.admit(d)[0]; got.Taken != ledger.Refused {
		t.Errorf("with a damaged bundle: %+v, want it refused", got)
	}
}

// bundled takes an invoice in, ends it, and moves what is archived of it into a bundle.
func (g *gate) bundled(d Document) (first ledger.Invoice, zip, index string) {
	g.t.Helper()
	first = g.admit(d)[0].Invoice
	g.end(first, ledger.Receipted, d.Data)
	names := []string{archive.ResultName(first.NIP, first.IssueDate, first.ID), archive.InvoiceName(first.NIP, first.IssueDate, first.ID)}
	result, err := g.Store.Get(g.t.Context(), names[0])
	g.must(err)
	for _, name := range names {
		g.must(os.Remove(filepath.Join(g.folder, name)))
	}
	e, err := bundle.Compress(bundle.Invoice{ID: first.ID, Number: first.Number, IssueDate: first.IssueDate, Hash: first.Hash,
		Document: d.Data, Result: result})
	g.must(err)
	b, err := bundle.Make([]bundle.Entry{e})
	g.must(err)
	zip = b.Name(first.NIP, first.IssueDate, "2026-11-24", "pkg-x")
	index, lines, err := b.Index(zip)
	g.must(errors.Join(err, g.Store.Put(g.t.Context(), zip, b.ZIP, ""), g.Store.Put(g.t.Context(), index, lines, "")))
	g.Store = bundle.Over(g.Store)
	return first, zip, index
}

// The index of the bundle has lost its lines, or the bundle's ZIP is gone. A document that is or
// was in the ZIP is not sent to KSeF a second time.
func TestAdmit_AcceptedLongAgo_IndexIsEmptyOrItsZIPIsMissing_IsNotTakenAgain(t *testing.T) {
	g := newGate(t, nil)
	d, never := numbered(1), numbered(2)
	first, zip, index := g.bundled(d)
	g.later(91 * 24 * time.Hour)
	path := filepath.Join(g.folder, index)
	whole, err := os.ReadFile(path)
	g.must(err)
	lines := whole[bytes.IndexByte(whole, '\n')+1:]
	again := func() []Admission {
		g.must(g.rdb.FlushAll(t.Context()).Err())
		g.Store = bundle.Over(g.Store.(*bundle.Store).Unwrap())
		return g.admit(d, never)
	}
	for name, content := range map[string][]byte{
		"an empty index": nil, "the head alone": whole[:len(whole)-len(lines)], "an index of an earlier build": lines,
	} {
		g.must(os.WriteFile(path, content, 0o600))
		if got := again(); got[0].Taken != ledger.Present || got[0].Invoice.ID != first.ID || got[1].Taken != ledger.Created {
			t.Errorf("with %s, want the first document present and the second taken: %+v", name, got)
		}
	}
	g.must(os.Remove(filepath.Join(g.folder, zip)))
	for name, c := range map[string]struct {
		content []byte
		never   ledger.Taken
	}{
		"a whole index": {whole, ledger.Created}, "an empty index": {nil, ledger.Refused}, // nobody knows what the ZIP had
		"an index of an earlier build": {lines, ledger.Refused},
	} {
		g.must(os.WriteFile(path, c.content, 0o600))
		var unsure *UnsureError
		if got := again(); !errors.As(got[0].Err, &unsure) || got[1].Taken != c.never {
			t.Errorf("without the ZIP, but with %s: %+v, want an UnsureError for the first document and the second %s", name, got, c.never)
		}
	}
}
