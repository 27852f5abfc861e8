package page

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/report"
)

// maxExport is how many invoices one file has. Who has more has another problem than a file.
const maxExport = 5000

// exportTime bounds the reading for one file.
const exportTime = 20 * time.Second

// The keys of the words above the columns.
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
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: v.User.Name, What: audit.Export, Tenant: q.Tenant}); err != nil {
		return err
	}
	found, err := v.openItems(&q, maxExport, time.Now().Add(exportTime))
	if err != nil {
		return err
	}
	refused, _, err := v.refusedItems(&q, maxExport)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, it := range append(found.items, refused...) {
		rows = append(rows, []any{it.Tenant, v.words.When(it.Since), v.words.State(it.State), it.Number, it.IssueDate, it.File,
			codeCell(it.Code), it.Said.Text, it.Words.Means, it.Words.Do, it.Seen.By, v.words.WhenMillis(it.Seen.At), it.ID})
	}
	return v.table("open", v.T("Open items"), openHead, rows)
}

// invoicesTable answers with what was searched as a table for a spreadsheet program.
func (v *searches) invoicesTable() error {
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: v.User.Name, What: audit.ExportInvoices, Tenant: q.Tenant}); err != nil {
		return err
	}
	var all []ledger.Invoice
	if q.Text != "" && q.before == (ledger.Place{}) {
		if all, err = v.named(&q); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		w := v.window(&q)
		w.Limit, w.Scan, w.Until = maxExport, 10*searchScan, time.Now().Add(exportTime)
		var found inquiry.Found
		if found, err = v.p.o.Inquiry.Latest(v.ctx(), w); err != nil {
			return err
		}
		all = found.Invoices
	}
	listed, err := v.p.o.Inquiry.Results(v.ctx(), all)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, r := range listed {
		waits := ""
		if r.WaitingFor != "" {
			waits = v.words.Why(r.WaitingFor).Name
		}
		rows = append(rows, []any{r.Tenant, r.Number, v.words.State(r.State), r.KsefNumber, r.IssueDate, v.words.Stamp(r.UpdatedAt), waits,
			codeCell(r.Code), v.words.reasonOf(&r).Text, r.File, r.Ref, r.ID})
	}
	return v.table("invoices", v.T("Invoices"), invoicesHead, rows)
}

func codeCell(code int) any {
	if code == 0 {
		return ""
	}
	return code
}

// table answers with a table: as CSV, or as XLSX where the path says so. Polish spreadsheet
// programs expect semicolons, and recognise UTF-8 by a byte order mark only.
func (v *visit) table(name, title string, head []string, rows [][]any) error {
	titles := make([]string, len(head))
	for i := range head {
		titles[i] = v.T(head[i])
	}
	var b bytes.Buffer
	if strings.HasSuffix(v.r.URL.Path, ".xlsx") {
		if err := (report.Section{Title: title, Head: titles, Rows: rows}).WriteXLSX(&b); err != nil {
			return err
		}
		return v.file(name+".xlsx", spreadsheet, b.Bytes())
	}
	b.WriteString("\uFEFF")
	w := csv.NewWriter(&b)
	w.Comma = ';'
	_ = w.Write(titles) // Error returns the first error
	for _, cells := range rows {
		line := make([]string, len(cells))
		for i, c := range cells {
			line[i] = guarded(fmt.Sprint(c))
		}
		_ = w.Write(line)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return v.file(name+".csv", "text/csv; charset=utf-8", b.Bytes())
}

const spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// guarded puts an apostrophe before text that would begin a formula, so that a spreadsheet program
// does not run what somebody put into a file name or an invoice number. Control characters go.
func guarded(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
