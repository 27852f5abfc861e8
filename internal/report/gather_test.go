package report_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// book is a ledger in memory.
type book struct {
	invs     []ledger.Invoice
	docs     map[string][]byte
	refusals []ledger.Refusal
	unread   []ledger.Unreadable
	broken   error // the error with which every document is read
	most     int   // the most places ([ledger.Place]) that Changed was asked for in one call
}

func (b *book) Changed(_ context.Context, states []ledger.State, from ledger.Place, n int) ([]ledger.Place, error) {
	var places []ledger.Place
	b.most = max(b.most, n)
	for _, inv := range b.invs {
		if p := (ledger.Place{At: inv.UpdatedAt, ID: inv.ID}); slices.Contains(states, inv.State) && order(p, from) > 0 {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, order)
	return places[:min(n, len(places))], nil
}

func order(a, b ledger.Place) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) }

func (b *book) Lost(_ context.Context, _ []ledger.State, ids []string) ([]ledger.Unreadable, error) {
	var out []ledger.Unreadable
	for _, id := range ids {
		out = append(out, ledger.Unreadable{ID: id, Key: "inv:" + id, Err: errors.New("lost")})
	}
	return out, nil
}

func (b *book) Listed(_ context.Context, ids []string) ([]ledger.Invoice, error) {
	var out []ledger.Invoice
	for _, id := range ids {
		for _, inv := range b.invs {
			if inv.ID == id {
				out = append(out, inv)
			}
		}
	}
	if len(b.unread) > 0 {
		return out, &ledger.UnreadableError{Entries: b.unread}
	}
	return out, nil
}

func (b *book) Refusals(context.Context, time.Time, string, ...string) ([]ledger.Refusal, error) {
	return b.refusals, nil
}

func (b *book) document(_ context.Context, inv *ledger.Invoice) ([]byte, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	if doc, ok := b.docs[inv.ID]; ok {
		return doc, nil
	}
	return nil, fmt.Errorf("%w: gone", ledger.ErrNotFound)
}

// add adds an invoice and its document to the book.
func (b *book) add(t *testing.T, number, day string, state ledger.State, change ...func(*ledger.Invoice)) (ledger.Invoice, []byte) {
	t.Helper()
	doc := sample.Invoice(sample.Options{Number: number, IssueDate: day})
	h, err := invoice.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	var inv ledger.Invoice
	inv.ID = ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash)
	inv.Tenant, inv.NIP, inv.Kind, inv.Number, inv.IssueDate = "T", h.SellerNIP, h.Kind, h.Number, h.IssueDate
	inv.Hash, inv.State = records.HashOf(doc), state
	for _, c := range change {
		c(&inv)
	}
	b.invs = append(b.invs, inv)
	b.docs[inv.ID] = doc
	return inv, doc
}

func emptyArchive(t *testing.T) archive.Store {
	t.Helper()
	s, err := archive.Open(t.Context(), "file://"+t.TempDir()+"/archive", archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func keep(t *testing.T, s archive.Store, inv ledger.Invoice, doc []byte, state string) {
	t.Helper()
	r := results.Of(inv, "test")
	r.State = state
	raw, err := json.Marshal(r)
	if err == nil {
		err = s.Put(t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID), raw, "")
	}
	if err == nil && doc != nil {
		err = s.Put(t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID), doc, "")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lines returns the lines of a report in a short form.
func lines(r report.Report) string {
	var out []string
	for _, l := range r.Lines {
		out = append(out, fmt.Sprintf("%s %s %s %d/%d", l.Tenant, l.Day, l.State, l.Invoices, l.Unknown))
	}
	return strings.Join(out, "\n")
}

var november = report.Query{From: "2026-11-01", To: "2026-11-30"}

func TestGather_LedgerAndArchive_EachInvoiceCountsOnceAsItStandsNow(t *testing.T) {
	b := &book{docs: map[string][]byte{}}
	s := emptyArchive(t)
	// The result of this invoice in the archive is older than its retry.
	retried, doc := b.add(t, "A/1", "2026-11-02", ledger.Queued)
	keep(t, s, retried, doc, "parked")
	accepted, doc := b.add(t, "A/2", "2026-11-02", ledger.Receipted, func(inv *ledger.Invoice) {
		inv.CreatedAt, inv.AcceptedAt = ledger.At(base), ledger.At(base.Add(time.Minute))
	})
	keep(t, s, accepted, doc, "receipted")
	delete(b.docs, accepted.ID) // the ledger gives a document up when it is archived
	// The ledger has forgotten this invoice.
	forgotten, doc := b.add(t, "A/3", "2026-11-03", ledger.Receipted)
	keep(t, s, forgotten, doc, "receipted")
	b.invs = b.invs[:len(b.invs)-1]
	// The document of this invoice is nowhere.
	lost, _ := b.add(t, "A/4", "2026-11-04", ledger.Parked)
	delete(b.docs, lost.ID)
	b.add(t, "A/5", "2026-10-31", ledger.Queued)
	b.add(t, "A/6", "2026-12-01", ledger.Queued)
	b.refusals = []ledger.Refusal{
		{
			ID: "ref-1", Tenant: "T", IssueDate: "2026-11-05",
			Faults: []ledger.RefusalFault{{Field: "P_1", Rule: "must not be later than today (x)"}},
		},
		{ID: "ref-2", Tenant: "T", IssueDate: "nonsense", At: ledger.At(base), Faults: []ledger.RefusalFault{{Rule: "cannot be read: x"}}},
	}
	c := &report.Collector{}
	sources := &report.Sources{Archive: &records.Reader{Store: s}, Ledger: b, Document: b.document}
	if err := sources.Gather(t.Context(), november, c); err != nil {
		t.Fatal(err)
	}
	r := c.Report()
	want := "T 2026-11-02 queued 1/0\nT 2026-11-02 receipted 1/0\nT 2026-11-03 receipted 1/0\n" +
		"T 2026-11-04 parked 1/1\nT 2026-11-05 refused 1/1\nT 2026-11-26 refused 1/1"
	if got := lines(r); got != want {
		t.Errorf("the lines are\n%s\nwant\n%s", got, want)
	}
	if len(r.Slowest) != 1 || r.Untimed != 1 {
		t.Errorf("%d invoices have a time and %d have none, want 1 and 1", len(r.Slowest), r.Untimed)
	}
	var why []string
	for _, reason := range r.Reasons {
		why = append(why, reason.Why.Name())
	}
	if got := strings.Join(why, " "); got != "state/parked refused/date_in_future refused/unreadable_file" {
		t.Errorf("the reasons are %s, want those of the parked and of the two refused documents", got)
	}
	for l, example := range map[explain.Language]string{
		explain.Polish:  "pole P_1: nie może być późniejsza niż dzisiaj (x)",
		explain.English: "field P_1: must not be later than today (x)",
	} {
		rows := r.Sections(l)[2].Rows
		if got := fmt.Sprint(rows[1][len(rows[1])-1]); got != " (ref-1): "+example {
			t.Errorf("the example in %s is %q, want %q", l, got, example)
		}
	}
	// Without the ledger, the retried invoice has the older state that is in the archive, and the
	// invoices that wait are missing.
	c = &report.Collector{}
	if err := (&report.Sources{Archive: &records.Reader{Store: s}}).Gather(t.Context(), november, c); err != nil {
		t.Fatal(err)
	}
	if got := lines(c.Report()); got != "T 2026-11-02 receipted 1/0\nT 2026-11-02 parked 1/0\nT 2026-11-03 receipted 1/0" {
		t.Errorf("from the archive alone the lines are\n%s\nwant the older state of the retried invoice, and no invoice that waits", got)
	}
}

// A list of a million ids in one command would block Redis for everybody else. So Gather asks for
// the ids in pieces.
func TestGather_ManyInvoicesOfOneState_AreListedInPieces(t *testing.T) {
	b := &book{docs: map[string][]byte{}}
	const n = 1100
	for i := range n {
		b.invs = append(b.invs, ledger.Invoice{State: ledger.Parked, UpdatedAt: ledger.Millis(i / 3),
			Facts: ledger.Facts{ID: fmt.Sprintf("inv-%04d", i), Tenant: "T", NIP: sample.NIP(0), IssueDate: "2026-11-02"}})
	}
	c := &report.Collector{}
	sources := &report.Sources{Archive: &records.Reader{Store: emptyArchive(t)}, Ledger: b, Document: b.document}
	if err := sources.Gather(t.Context(), november, c); err != nil || c.Report().Invoices() != n || b.most > 500 {
		t.Errorf("%d invoices, listed up to %d at a time, want 1100 and 500 at most; %v", c.Report().Invoices(), b.most, err)
	}
}

func TestGather_OneTenantIsAskedFor_OthersAreLeftOut(t *testing.T) {
	b := &book{docs: map[string][]byte{}}
	b.add(t, "A/1", "2026-11-02", ledger.Queued)
	b.add(t, "A/2", "2026-11-02", ledger.Queued, func(inv *ledger.Invoice) { inv.Tenant = "other" })
	c := &report.Collector{}
	q := november
	q.Tenant = func(name, _ string) bool { return name == "other" }
	err := (&report.Sources{Archive: &records.Reader{Store: emptyArchive(t)}, Ledger: b, Document: b.document}).Gather(t.Context(), q, c)
	if got := lines(c.Report()); err != nil || got != "other 2026-11-02 queued 1/0" {
		t.Errorf("the report has %q, %v, want only the invoice of the tenant that was asked for", got, err)
	}
}

// A sum that lacks an amount only because Redis was away must not look like a sum whose amount is
// lost for good. So Gather fails.
func TestGather_RedisOrArchiveFails_IsAnErrorAndAnUnreadableEntryIsNot(t *testing.T) {
	b := &book{docs: map[string][]byte{}}
	b.add(t, "A/1", "2026-11-02", ledger.Queued)
	b.unread = []ledger.Unreadable{{ID: "inv-newer", Err: ledger.ErrNewer}}
	told := 0
	sources := &report.Sources{Archive: &records.Reader{Store: emptyArchive(t)}, Ledger: b, Document: b.document,
		Unread: func(ledger.Unreadable) { told++ }}
	c := &report.Collector{}
	if err := sources.Gather(t.Context(), november, c); err != nil || c.Report().Invoices() != 1 || told != 1 {
		t.Errorf("the report has %d invoices, and %d unreadable entries were reported, want 1 and 1; %v", c.Report().Invoices(), told, err)
	}
	b.broken = errors.New("connection refused")
	if err := sources.Gather(t.Context(), november, &report.Collector{}); !errors.Is(err, b.broken) {
		t.Errorf("while Redis is away, Gather returns %v, want the error of the document", err)
	}
}

// An entry that cannot be read costs the report nothing when the archive has the invoice.
func TestGather_EntryCannotBeReadOrIsLost_LacksOnlyWhatTheArchiveDoesNotHave(t *testing.T) {
	s, b := emptyArchive(t), &book{docs: map[string][]byte{}}
	archived, doc := b.add(t, "A/1", "2026-11-02", ledger.Receipted)
	keep(t, s, archived, doc, "receipted")
	b.invs = nil
	b.unread = []ledger.Unreadable{
		{ID: archived.ID, Key: "inv:" + archived.ID, Err: ledger.ErrNewer},
		{ID: "inv-nowhere", Key: "inv:inv-nowhere", Err: ledger.ErrNewer},
	}
	b.add(t, "A/2", "2026-11-02", ledger.Queued)
	b.unread = append(b.unread, ledger.Unreadable{ID: "inv-other", Tenant: "other"})
	november := november
	november.Tenant = func(name, _ string) bool { return name == "T" }
	var lacks []string
	c := &report.Collector{}
	sources := &report.Sources{Archive: &records.Reader{Store: s}, Ledger: b, Document: b.document,
		Unread: func(u ledger.Unreadable) { lacks = append(lacks, u.ID) }}
	err := sources.Gather(t.Context(), november, c)
	if err != nil || c.Report().Invoices() != 2 || !slices.Equal(lacks, []string{"inv-nowhere"}) {
		t.Errorf("the report has %d invoices and lacks %q, want 2 and only inv-nowhere; %v", c.Report().Invoices(), lacks, err)
	}
}
