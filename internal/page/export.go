package page

import (
	"cmp"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

// An exported list has every row, however many there are. Rows are read and sent piece by piece, so
// that only one piece is in memory.
const (
	// exportPiece is how many invoices are read and sent at a time.
	exportPiece = 1000
	// maxExportTime bounds the time for one file, and pieceTime the time for sending one piece.
	maxExportTime = time.Hour
	pieceTime     = time.Minute
	// maxExports is how many files one process makes at a time.
	maxExports = 4
	// maxRounds bounds the rounds in which an export reads. The first round reads everything. Each
	// later round reads what has changed since the previous round began.
	maxRounds = 4
)

// The titles of the columns in English. [visit.beginTable] translates them.
var (
	openHead = []string{"Tenant", "Since", "State", "Number (P_2)", "Issue date", "File", "Code", "KSeF's words or reason",
		"What it means", "What to do", "Seen by", "Seen at", "ID"}
	invoicesHead = []string{"Tenant", "Number (P_2)", "State", "KSeF number", "Issue date", "Last change", "Waits for", "Code",
		"KSeF's words or reason", "File", "Ref of your program", "ID"}
)

// openTable answers with the open items as a table for a spreadsheet program.
func (v *openList) openTable() error {
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	return v.export(audit.Export, &q, "open", v.T("Open items"), openHead, func(send func([][]any) error) error {
		rows := func(items []item) (all [][]any) {
			for _, it := range items {
				all = append(all, []any{it.Tenant, v.words.When(it.Since), v.words.State(it.State), it.Number, it.IssueDate, it.File,
					codeCell(it.Code), it.Said.Text, it.Words.Means, it.Words.Do, it.Seen.By, v.words.WhenMillis(it.Seen.At), it.ID})
			}
			return all
		}
		mine := func(inv *ledger.Invoice) bool {
			return v.sees(inv.Tenant) && (q.Tenant == "" || q.Tenant == inv.Tenant)
		}
		w := inquiry.Window{States: openStates(), Before: q.before, Match: mine}
		if err := v.listing.all(w, func(invs []ledger.Invoice) error {
			items, err := v.itemsOf(invs, q.Unseen)
			if err != nil {
				return err
			}
			return send(rows(items))
		}); err != nil {
			return err
		}
		tenants, lacking := v.listing.refusers(q.Tenant)
		if _, err := ledger.Skip(lacking); err != nil {
			return err
		}
		for _, name := range tenants { // each has a few thousand at most
			refused, err := v.refusedOf(name, q.Unseen)
			if _, other := ledger.Skip(err); other != nil {
				return other
			}
			lacking = cmp.Or(lacking, err)
			if err := send(rows(refused)); err != nil {
				return err
			}
		}
		return lacking // the file has what can be read, and breaks off, so nobody takes it for a whole one
	})
}

// invoicesTable answers with the invoices of a search as a table for a spreadsheet program.
func (v *searches) invoicesTable() error {
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	return v.export(audit.ExportInvoices, &q, "invoices", v.T("Invoices"), invoicesHead, func(send func([][]any) error) error {
		piece := func(invs []ledger.Invoice) error {
			if q.Buyer != "" {
				var err error
				if invs, _, err = v.buyers.ofBuyer(v.ctx(), q.Buyer, invs); err != nil {
					return err
				}
			}
			rows, err := v.rows(invs)
			if err != nil {
				return err
			}
			return send(rows)
		}
		if q.Text != "" && q.before == (ledger.Place{}) {
			if exact, _, _, err := v.named(&q); err != nil || len(exact) > 0 {
				if err == nil {
					err = piece(exact)
				}
				return err
			}
		}
		return v.listing.all(v.window(&q), piece)
	})
}

func (v *searches) rows(invs []ledger.Invoice) (rows [][]any, err error) {
	listed, err := v.p.o.Inquiry.Results(v.ctx(), invs)
	if err != nil {
		return nil, err
	}
	for _, r := range listed {
		waits := ""
		if r.WaitingFor != "" {
			waits = v.words.Why(r.WaitingFor).Name
		}
		rows = append(rows, []any{r.Tenant, r.Number, v.words.State(r.State), r.KsefNumber, r.IssueDate, v.words.Stamp(r.UpdatedAt), waits,
			codeCell(r.Code), v.words.reasonOf(&r).Text, r.File, r.Ref, r.ID})
	}
	return rows, nil
}

func codeCell(code int) any {
	if code == 0 {
		return ""
	}
	return code
}

// all yields every invoice of a window, piece by piece, the newest change first. An invoice that
// changes meanwhile moves to another place, perhaps before it was yielded. Therefore each further
// round yields the invoices that have changed since the previous round began. There are at most
// maxRounds rounds. So an invoice that changes may be yielded more than once, each time in its new
// state.
func (v *listing) all(w inquiry.Window, yield func([]ledger.Invoice) error) error {
	w.Limit, w.Scan, w.Until = exportPiece, searchScan, time.Time{}
	for range maxRounds {
		began, err := v.p.o.Ledger.Clock(v.ctx())
		if err != nil {
			return err
		}
		found := 0
		for more := true; more; more = w.Before != (ledger.Place{}) {
			some, err := v.p.o.Inquiry.Latest(v.ctx(), w)
			if err != nil {
				return err
			}
			if len(some.Sick) > 0 { // nothing was yielded yet, unless a key became sick meanwhile
				return notWhole(some.Sick)
			}
			if len(some.Invoices) > 0 {
				if err := yield(some.Invoices); err != nil {
					return err
				}
			}
			w.Before, found = some.Next, found+len(some.Invoices)
		}
		if w.From = began; found == 0 {
			break
		}
	}
	return nil
}
