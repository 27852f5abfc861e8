package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// gate is an admitter on a real Redis and a real folder.
type gate struct {
	*Admitter
	t      *testing.T
	rdb    *redis.Client
	folder string
}

var monday = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

// accounts returns tenants that are named by their NIPs.
func accounts(nips ...string) []Account {
	var all []Account
	for _, nip := range nips {
		all = append(all, Account{Name: nip, NIP: nip})
	}
	return all
}

func newGate(t *testing.T, key []byte) *gate {
	t.Helper()
	rdb, _ := redistest.New(t)
	g := &gate{t: t, rdb: rdb, folder: t.TempDir()}
	bodies, err := ledger.NewBodies(key)
	g.must(err)
	store, err := archive.Open(t.Context(), "file://"+g.folder, archive.Options{})
	g.must(err)
	t.Cleanup(func() { _ = store.Close() })
	g.Admitter = &Admitter{Ledger: ledger.New(rdb, ledger.Options{}), Queue: queue.New(rdb), Bodies: bodies, Store: store,
		Accounts: accounts(sample.NIP(0), sample.NIP(1)), Now: func() time.Time { return monday }}
	return g
}

func (g *gate) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// admit hands documents in. Each answer must be that of its document.
func (g *gate) admit(docs ...Document) []Admission {
	g.t.Helper()
	out, err := g.Admit(g.t.Context(), docs, Terms{})
	g.must(err)
	if len(out) != len(docs) {
		g.t.Fatalf("%d answers for %d documents", len(out), len(docs))
	}
	for i := range out {
		if out[i].File != docs[i].File || (out[i].Err != nil) != (out[i].Taken == ledger.Refused) {
			g.t.Fatalf("answer %d should be about %s, with an error only if the document is refused: %+v", i, docs[i].File, out[i])
		}
	}
	return out
}

// stored returns the number of keys in Redis and the files in the folder.
func (g *gate) stored() (keys int64, files []string) {
	g.t.Helper()
	keys, err := g.rdb.DBSize(g.t.Context()).Result()
	g.must(err)
	g.must(filepath.WalkDir(g.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, g.folder+"/"))
		}
		return err
	}))
	return keys, files
}

// archive writes the document and the result of an invoice where a worker writes them.
func (g *gate) archive(inv ledger.Invoice, document []byte) {
	g.t.Helper()
	ctx := g.t.Context()
	if document != nil {
		g.must(g.Store.Put(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID), document, "application/xml"))
	}
	result, err := json.Marshal(results.Of(inv, "test"))
	g.must(err)
	g.must(g.Store.Replace(ctx, archive.ResultName(inv.NIP, inv.IssueDate, inv.ID), result, "application/json"))
}

// body opens the document that the archive keeps for the workers.
func (g *gate) body(id string) []byte {
	g.t.Helper()
	sealed, err := g.Store.Get(g.t.Context(), archive.BodyName(id))
	g.must(err)
	plain, err := g.Bodies.Open(id, sealed)
	g.must(err)
	return plain
}

// queued reports whether a task carries the invoice, alone or with other invoices, in the queue for
// invoices. A task in the overflow queue does not count.
func (g *gate) queued(inv ledger.Invoice) bool {
	stats, err := g.Queue.Stats(1000)
	info, there := stats.Of(queue.KindSubmit, inv.ID, inv.FirstRev())
	return err == nil && there && info.Queue == queue.QueueInvoices
}

// warsaw parses a wall clock time in Poland with its offset.
func warsaw(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func doc(file string, o sample.Options) Document {
	return Document{File: file, Data: sample.Invoice(o)}
}

// numbered makes the document with the number FV/n.
func numbered(n int) Document {
	return doc(fmt.Sprint(n, ".xml"), sample.Options{Number: fmt.Sprint("FV/", n), IssueDate: "2026-11-23", Seed: uint64(n)})
}

func TestAdmit_GoodInvoice_IsInTheLedgerAndInTheQueue(t *testing.T) {
	g := newGate(t, nil)
	d := numbered(1)
	got := g.admit(d)[0]
	if got.Taken != ledger.Created || got.Invoice.State != ledger.Queued || !got.Invoice.Fresh() || got.Invoice.Revision != 1 {
		t.Errorf("the good invoice: %+v, want it created and queued", got)
	}
	entry, err := g.Ledger.Invoice(t.Context(), got.Invoice.ID)
	g.must(err)
	day := func(text string) ledger.Millis { return ledger.At(warsaw(t, text)) }
	want := ledger.Invoice{
		Facts: ledger.Facts{
			V: ledger.Version, ID: got.Invoice.ID, Revision: 1, Tenant: sample.NIP(0), NIP: sample.NIP(0),
			Kind: "VAT", IssueDate: "2026-11-23", File: "1.xml", Form: "v3",
			SoftDeadline: day("2026-11-24 00:00:00 +01:00"), CreatedAt: entry.CreatedAt,
		},
		Rev: got.Invoice.Rev, State: ledger.Queued, Number: "FV/1", Hash: ledger.HashText(sha256.Sum256(d.Data)), Lane: ledger.Auto,
		Size: int64(len(d.Data)), Deadline: day("2026-11-25 00:00:00 +01:00"), UpdatedAt: entry.UpdatedAt,
	}
	if entry != want {
		t.Errorf("the entry is  %+v\nwant          %+v", entry, want)
	}
	sealed, err := g.Ledger.Body(t.Context(), entry.ID)
	g.must(err)
	if plain, err := g.Bodies.Open(entry.ID, sealed); err != nil || !bytes.Equal(plain, d.Data) {
		t.Errorf("the stored document has %d bytes, %v, want the document that was handed in", len(plain), err)
	}
	if !g.queued(entry) {
		t.Error("no task was queued")
	}
}

func TestAdmit_EveryOutcome_HasItsOwnAnswer(t *testing.T) {
	g := newGate(t, nil)
	first := g.admit(numbered(1))[0].Invoice
	other := doc("other.xml", sample.Options{Number: "FV/1", IssueDate: "2026-11-23", Seed: 99})
	got := g.admit(numbered(1), other, numbered(2), doc("foreign.xml", sample.Options{
		SellerNIP: sample.NIP(7), IssueDate: "2026-11-23",
	}), Document{File: "pdf", Data: []byte("%PDF")})
	if r := got[0]; r.Taken != ledger.Present || r.Invoice.ID != first.ID || r.Invoice.State != ledger.Queued {
		t.Errorf("the same document again: %+v, want it present", r)
	}
	var refused *RefusedError
	taken := "number FV/1 (VAT of seller " + sample.NIP(0) + ") is already queued with other content as " + first.ID
	if r := got[1]; r.Taken != ledger.Refused || !errors.As(r.Err, &refused) || !strings.Contains(r.Err.Error(), taken) {
		t.Errorf("the same number with other content: %+v, want it refused with %q", r, taken)
	}
	if r := got[2]; r.Taken != ledger.Created {
		t.Errorf("a good document among bad ones: %+v, want it created", r)
	}
	unknown := "no tenant is configured for seller NIP " + sample.NIP(7)
	if r := got[3]; !errors.As(r.Err, &refused) || !strings.Contains(r.Err.Error(), unknown) || refused.Hint == "" {
		t.Errorf("a document of a seller that is not configured: %+v, want it refused with %q and a hint", r, unknown)
	}
	var field *invoice.FieldError
	if r := got[4]; !errors.As(r.Err, &field) {
		t.Errorf("the document that is no XML: %+v, want a FieldError", r)
	}
	// After a rejection another document may take the number.
	g.must(g.Ledger.Move(t.Context(), ledger.Move{ID: first.ID, To: ledger.Rejected}))
	again := g.admit(other, numbered(1))
	if again[0].Taken != ledger.Created || again[0].Invoice.Revision != 2 || !g.queued(again[0].Invoice) {
		t.Errorf("another document after a rejection: %+v, want it taken as revision 2", again[0])
	}
	if again[1].Taken != ledger.Present || again[1].Invoice.State != ledger.Rejected {
		t.Errorf("the rejected document handed in again: %+v, want it present and rejected", again[1])
	}
}

func TestAdmit_EachKnownFlaw_IsRefusedWithItsFieldAndStoresNothing(t *testing.T) {
	g := newGate(t, nil)
	g.Check.CheckNIPs = true
	g.admit(numbered(1)) // the first document also writes the record of how documents are sealed
	for _, flaw := range sample.Flaws() {
		data := sample.Bad(flaw, sample.Options{Number: "FV/" + flaw.String(), IssueDate: "2026-11-23"})
		before, _ := g.stored()
		got := g.admit(Document{File: flaw.String() + ".xml", Data: data})[0]
		if !flaw.Local() {
			if got.Taken != ledger.Created {
				t.Errorf("the flaw %s is for KSeF to reject, so the document should be taken: %v", flaw, got.Err)
			}
			continue
		}
		var field *invoice.FieldError
		if got.Taken != ledger.Refused || !errors.As(got.Err, &field) || field.Rule == "" {
			t.Errorf("%s: %+v, want a refusal that names a field", flaw, got)
		}
		if after, files := g.stored(); after != before || len(files) != 0 {
			t.Errorf("the refusal for %s left something: %d keys before, %d after, files %v", flaw, before, after, files)
		}
	}
}

func TestAdmit_DocumentBreaksTheSchema_OnlyThisOneIsRefused(t *testing.T) {
	g := newGate(t, nil)
	g.Check.Schema = true
	bad := numbered(2)
	bad.Data = bytes.Replace(bad.Data, []byte("<P_15>"), []byte("<P_15>x"), 1)
	got := g.admit(numbered(1), bad, numbered(3))
	if got[0].Taken != ledger.Created || got[2].Taken != ledger.Created || got[1].Taken != ledger.Refused ||
		!strings.Contains(got[1].Err.Error(), "P_15") {
		t.Errorf("want only the second document refused, and for P_15: %+v", got)
	}
}

func TestAdmit_RepeatedDocumentsInOneCall_AreTakenOnce(t *testing.T) {
	g := newGate(t, nil)
	a, b := numbered(1), numbered(1)
	b.File = "copy of 1.xml"
	other := doc("other.xml", sample.Options{Number: "FV/1", IssueDate: "2026-11-23", Seed: 99})
	otherCopy := other
	otherCopy.File = "copy of other.xml"
	bad := Document{File: "bad", Data: []byte("x")}
	got := g.admit(a, bad, b, other, otherCopy, bad)
	for i, want := range []ledger.Taken{ledger.Created, ledger.Refused, ledger.Present, ledger.Refused, ledger.Refused, ledger.Refused} {
		if got[i].Taken != want {
			t.Errorf("answer %d (%s) is %s, want %s: %v", i, got[i].File, got[i].Taken, want, got[i].Err)
		}
	}
	if got[2].Invoice.ID != got[0].Invoice.ID || got[2].Invoice.State != ledger.Queued {
		t.Errorf("the copy of the first document is %+v, want the same invoice", got[2].Invoice)
	}
	if got[4].Err == nil || got[4].Err.Error() != got[3].Err.Error() {
		t.Errorf("the copy of a refused document has the error %v, want %v", got[4].Err, got[3].Err)
	}
	// Handed in again, the document and its copy are both present.
	for i, want := range []ledger.Taken{ledger.Present, ledger.Present} {
		if again := g.admit(a, b); again[i].Taken != want {
			t.Errorf("handed in again, answer %d is %s, want it present", i, again[i].Taken)
		}
	}
}

func TestAdmit_Terms_AreWrittenIntoTheEntry(t *testing.T) {
	g := newGate(t, nil)
	deadline := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	out, err := g.Admit(t.Context(), []Document{numbered(1)}, Terms{Lane: ledger.Express, Offline: true, Deadline: deadline})
	g.must(err)
	entry, err := g.Ledger.Invoice(t.Context(), out[0].Invoice.ID)
	g.must(err)
	if entry.Lane != ledger.Express || !entry.Offline || entry.Deadline != ledger.At(deadline) ||
		!entry.SoftDeadline.Time().Equal(warsaw(t, "2026-11-24 00:00:00 +01:00")) {
		t.Errorf("the entry lacks the terms of the call: %+v", entry)
	}
}

func TestAdmit_AroundMidnight_TodayIsTheDayInWarsaw(t *testing.T) {
	g := newGate(t, nil)
	tomorrow := doc("t.xml", sample.Options{IssueDate: "2026-11-24"})
	g.Now = func() time.Time { return time.Date(2026, 11, 23, 22, 59, 59, 0, time.UTC) } // 23:59:59 in Warsaw
	var field *invoice.FieldError
	if got := g.admit(tomorrow)[0]; !errors.As(got.Err, &field) || field.Field != "P_1" {
		t.Errorf("a second before its day, the document is %+v, want it refused for P_1", got)
	}
	g.Now = func() time.Time { return time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC) }
	if got := g.admit(tomorrow)[0]; got.Taken != ledger.Created {
		t.Errorf("when its day begins, the document is %+v, want it created", got)
	}
}

func TestAdmit_LedgerFails_NothingIsAnswered(t *testing.T) {
	g := newGate(t, nil)
	g.must(g.rdb.Close())
	if out, err := g.Admit(t.Context(), []Document{numbered(1)}, Terms{}); err == nil || out != nil {
		t.Errorf("Admit = %+v, %v, want no answer and the error of the ledger", out, err)
	}
	// A document that is refused because of its content needs no Redis.
	out, err := g.Admit(t.Context(), []Document{{File: "x", Data: []byte("x")}}, Terms{})
	if err != nil || out[0].Taken != ledger.Refused {
		t.Errorf("Admit = %+v, %v, want a refusal without an error", out, err)
	}
}

func TestAdmit_ManyGoodAndBad_EachGetsItsOwnAnswerInOrder(t *testing.T) {
	g := newGate(t, nil)
	var docs []Document
	for i := range 450 { // the good ones are more than one of the ledger's batches
		if i%7 == 3 {
			docs = append(docs, Document{File: fmt.Sprint(i, ".xml"), Data: []byte("bad")})
		} else {
			docs = append(docs, numbered(i))
		}
	}
	created := 0
	for i, o := range g.admit(docs...) {
		bad := i%7 == 3
		if bad != (o.Taken == ledger.Refused) || !bad && (o.Invoice.Number != fmt.Sprint("FV/", i) || !g.queued(o.Invoice)) {
			t.Fatalf("answer %d: %+v, want the bad document refused: %v, or else FV/%d queued", i, o, bad, i)
		}
		if o.Taken == ledger.Created {
			created++
		}
	}
	want := (created + queue.ChunkInvoices - 1) / queue.ChunkInvoices
	if n, err := g.Queue.Depth(queue.KindSubmit); n != want || err != nil {
		t.Errorf("%d tasks are queued, %v, want %d", n, err, want)
	}
	counts, err := g.Ledger.Counts(t.Context())
	if err != nil || counts["queued"] != int64(created) {
		t.Errorf("the ledger counts %v, %v, want every created invoice queued", counts, err)
	}
}

func TestAdmit_NoDocuments_ReturnsNothing(t *testing.T) {
	g := newGate(t, nil)
	g.admit()
	if keys, files := g.stored(); keys != 0 || len(files) != 0 {
		t.Errorf("Redis has %d keys, and the folder the files %v, want none", keys, files)
	}
}

func BenchmarkAdmit1000(b *testing.B) {
	rdb, _ := redistest.New(b)
	bodies, _ := ledger.NewBodies(nil)
	a := &Admitter{
		Ledger: ledger.New(rdb, ledger.Options{}), Queue: queue.New(rdb), Bodies: bodies,
		Accounts: accounts(sample.NIP(0), sample.NIP(1), sample.NIP(2)), Now: func() time.Time { return monday },
	}
	docs := make([]Document, 1000)
	for i := range docs {
		docs[i] = numbered(i)
	}
	for b.Loop() {
		b.StopTimer()
		if err := rdb.FlushAll(context.Background()).Err(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := a.Admit(context.Background(), docs, Terms{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "invoices/s")
}
