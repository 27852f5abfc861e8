package report

import (
	"fmt"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/results"
)

// Section is one table of a report, in whatever format. A cell is a string, an int or an *Amount.
type Section struct {
	Title string
	Head  []string
	Rows  [][]any
	Note  string // below the table; may be empty
}

// Sections returns the tables of the report in a language.
func (r Report) Sections(l explain.Language) []Section {
	w := wordsIn(l)
	reasons := Section{Title: w.Reasons, Head: []string{w.State, w.Code, w.Why, w.Invoices, w.Do, w.Example}}
	for _, x := range r.Reasons {
		reasons.Rows = append(reasons.Rows, []any{stateName(x.State, l), x.Why.Name(), x.Why.In(l).Name, x.Invoices, x.Why.In(l).Do,
			x.Example.Number + " (" + x.Example.ID + "): " + x.Example.reasonIn(l)})
	}
	slowest := Section{Title: w.Slowest, Head: []string{w.Took, w.Tenant, w.Number, "ID", w.Taken, w.Numbered}}
	for _, f := range r.Slowest {
		took, _ := f.Took()
		slowest.Rows = append(slowest.Rows, []any{duration(took), f.Tenant, f.Number, f.ID, moment(f.Taken), moment(f.Numbered)})
	}
	if r.Untimed > 0 {
		slowest.Note = fmt.Sprintf("%s: %d", w.Untimed, r.Untimed)
	}
	risk := Section{Title: w.AtRisk, Head: []string{w.Due, w.Tenant, w.Number, "ID", w.State}}
	for _, f := range r.AtRisk {
		due := moment(results.LastMoment(f.Deadline))
		if f.Deadline.Before(r.Made) {
			due += " (" + w.Overdue + ")"
		}
		risk.Rows = append(risk.Rows, []any{due, f.Tenant, f.Number, f.ID, stateName(f.State, l)})
	}
	if r.AtRiskCount > len(r.AtRisk) {
		risk.Note = fmt.Sprintf("%s: %d", w.More, r.AtRiskCount-len(r.AtRisk))
	}
	return []Section{
		{Title: w.ByTenant, Head: []string{w.Tenant, w.State, w.Currency, w.Invoices, w.Sum, w.Unknown},
			Rows: rowsOf(r.ByTenant(), func(line Line) []any { return []any{line.Tenant, stateName(line.State, l)} })},
		{Title: w.ByDay, Head: []string{w.Day, w.State, w.Currency, w.Invoices, w.Sum, w.Unknown},
			Rows: rowsOf(r.ByDay(), func(line Line) []any { return []any{line.Day, stateName(line.State, l)} })},
		reasons, slowest, risk,
	}
}

// reasonIn returns why a document is in its state, in a language. The words of KSeF stay Polish.
// Words of the program that have no Polish form stay English.
func (f Fact) reasonIn(l explain.Language) string {
	if l != explain.Polish {
		return f.Reason
	}
	if len(f.faults) > 0 {
		return explain.PolishFaults(f.faults, f.more)
	}
	if said, ok := explain.Say(l, f.Reason); ok {
		return said
	}
	return f.Reason
}

func rowsOf(lines []Line, first func(Line) []any) [][]any {
	var rows [][]any
	for _, line := range lines {
		row := append(first(line), line.Currency, line.Invoices)
		if line.Invoices == line.Unknown {
			row = append(row, "") // the sum is unknown, not 0.00
		} else {
			row = append(row, line.Sum)
		}
		rows = append(rows, append(row, line.Unknown))
	}
	return rows
}

// Flat returns the lines as one table, for programs and pivot tables. States have the names that
// the ledger uses.
func (r Report) Flat() Section {
	return Section{
		Head: []string{"tenant", "day", "state", "currency", "invoices", "sum_p15", "unknown_amounts"},
		Rows: rowsOf(r.Lines, func(line Line) []any { return []any{line.Tenant, line.Day, line.State} }),
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(invoice.Warsaw()).Format("2006-01-02 15:04")
}

func duration(d time.Duration) string {
	d = d.Round(time.Second)
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}
