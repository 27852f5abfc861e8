package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/results/sinks"
	"ksefworker/internal/sample"
)

// books is a ledger. A receiver is told the outcomes in the ledger's outbox.
type books struct {
	*ledger.Ledger
	t *testing.T
}

func (b *books) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// take takes in a document and moves its invoice through these states.
func (b *books) take(number string, seed uint64, states ...ledger.State) {
	b.t.Helper()
	doc := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: number, IssueDate: "2026-11-23", Seed: seed})
	sum := sha256.Sum256(doc)
	id := ledger.InvoiceID(ledger.Identity{NIP: sample.NIP(0), Kind: "VAT", Number: number}, sum)
	_, err := b.Take(b.t.Context(), []ledger.NewInvoice{{Body: doc, Invoice: ledger.Invoice{
		Facts: ledger.Facts{ID: id, Tenant: "One", NIP: sample.NIP(0), Kind: "VAT", IssueDate: "2026-11-23", Form: "v3", File: "a\x00.xml",
			Ref: "SO-" + number},
		Number: number, Hash: ledger.HashText(sum), Size: int64(len(doc)),
	}}})
	b.must(err)
	for _, to := range states {
		edit := ledger.Because(0, "")
		switch to {
		case ledger.Rejected, ledger.Parked:
			edit = ledger.Because(450, "Błąd \x00 \"it's\" \\u0000 \u2028 \xff")
		case ledger.Accepted:
			edit = ledger.Because(200, "").Number("5265877635-20261123-0100A0DB5B00-39")
		}
		b.must(b.Move(b.t.Context(), ledger.Move{ID: id, To: to, Edit: edit}))
	}
}

// Each outcome of an invoice or a refused document is stored as the schema of results describes it,
// because BI tools read the rows.
func TestPostgres_OutcomesOfEveryKind_AreStoredAsTheSchemaDescribesThem(t *testing.T) {
	srv := start(t)
	s := srv.sink("s5")
	rdb, _ := redistest.New(t)
	b := &books{ledger.New(rdb, ledger.Options{Outbox: 1000}), t}
	b.take("FV/1", 1, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted, ledger.Receipted)
	b.take("FV/2", 1, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted)
	b.take("FV/3", 1, ledger.Rejected)
	b.take("FV/4", 1, ledger.Parked)
	b.take("FV/5", 1, ledger.Parked, ledger.Dismissed)
	b.take("FV/6", 1, ledger.Rejected)
	b.take("FV/6", 2, ledger.Rejected) // this document takes the place of the first
	fault := []ledger.RefusalFault{{Field: "P_1", Rule: "is not a date", Value: "23.11.2026", Line: 3, Column: 1}}
	b.must(b.Refuse(t.Context(), []ledger.Refusal{
		{ID: ledger.RefusalOfFile("a.xml"), Tenant: "One", File: "a.xml", Number: "FV/7", IssueDate: "23.11.2026", Faults: fault},
		{ID: ledger.RefusalOfFile("b.xml"), Tenant: "", File: "b.xml", Faults: fault},
		{ID: ledger.RefusalOfFile("c.xml"), Tenant: "One", File: "c.xml", Faults: fault}}))
	b.must(b.DismissRefusal(t.Context(), ledger.RefusalOfFile("c.xml"), ledger.Dismissal{By: "anna", Reason: "an advertisement"}))
	body := func(ctx context.Context, inv *ledger.Invoice) []byte {
		doc, err := b.Body(ctx, inv.ID)
		if err != nil {
			return nil
		}
		return doc
	}
	editor := &sinks.Editor{Ledger: b.Ledger, Environment: "test", Document: body}
	r := &sinks.Runner{Name: "bi", Sink: s, Editor: editor, Log: zerolog.Nop()}
	b.must(r.Run(t.Context(), nil))
	want := strings.Fields("accepted dismissed dismissed parked receipted refused refused rejected rejected superseded")
	got := srv.rows("select state from s5.invoices order by state")
	if !slices.Equal(got, want) {
		t.Errorf("the stored states are %q, want %q", got, want)
	}
	differ := srv.rows(`select id from s5.invoices where result->>'id' <> id or result->>'state' <> state
		or (result->>'revision')::bigint <> revision or result->>'number' <> number or result->>'tenant' <> tenant
		or coalesce(result->>'gross', '') <> coalesce(gross::text, '')`)
	if len(differ) > 0 {
		t.Errorf("the columns and the documents of %q differ, want them to agree", differ)
	}
	if n := srv.rows("select count(*) from s5.invoices where gross > 0 and currency = 'PLN' and issue_date = '2026-11-23'"); n[0] == "0" {
		t.Error("no amount is stored")
	}
}
