package page

import (
	"encoding/csv"
	"strconv"
	"strings"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
)

// maxExport is how many open items one file has. Who has more has another problem than a file.
const maxExport = 5000

// exportHead are the keys of the words above the columns.
var exportHead = []string{"Tenant", "Since", "State", "Number (P_2)", "Issue date", "File", "Code", "KSeF's words or reason",
	"What it means", "What to do", "ID"}

// openCSV answers with the open items as a table for a spreadsheet program. Polish ones expect
// semicolons, and recognise UTF-8 by a byte order mark only.
func (v *openList) openCSV() error {
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: v.User.Name, What: audit.Export, Tenant: q.Tenant}); err != nil {
		return err
	}
	var items []item
	for at := (ledger.Place{}); ; {
		some, next, err := v.openItems(q.Tenant, at, 500)
		if err != nil {
			return err
		}
		items = append(items, some...)
		if at = next; at == (ledger.Place{}) || len(items) >= maxExport {
			break
		}
	}
	err = v.listing.refusals(q.Tenant, maxExport, func(r *ledger.Refusal) bool {
		items = append(items, v.refusedItem(r))
		return len(items) < 2*maxExport
	})
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\uFEFF")
	w := csv.NewWriter(&b)
	w.Comma = ';'
	head := make([]string, len(exportHead))
	for i := range head {
		head[i] = v.T(exportHead[i])
	}
	_ = w.Write(head) // Error returns the first error
	for _, it := range items {
		code := ""
		if it.Code != 0 {
			code = strconv.Itoa(it.Code)
		}
		_ = w.Write([]string{guarded(it.Tenant), v.words.When(it.Since), v.words.State(it.State), guarded(it.Number), it.IssueDate,
			guarded(it.File), code, guarded(it.Reason), it.Words.Means, it.Words.Do, it.ID})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return v.file("open.csv", "text/csv; charset=utf-8", []byte(b.String()), nil, "")
}

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
