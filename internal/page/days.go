package page

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/figures"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/report"
)

// daysPage shows the figures of the last days and asks for a report.
type daysPage struct {
	Days     []figures.Figures // the newest first
	From, To string
	Tenant   string
	Earliest string // the first day that a report may begin with; "": any
}

const (
	// maxReportDays and maxReportIDs bound a report of the page. The command line has no such
	// bound.
	maxReportDays = 31
	maxReportIDs  = 20_000
	reportTime    = 40 * time.Second
)

func (v *daily) days() error {
	v.here = "days"
	now := v.p.o.Now()
	tenant := v.r.URL.Query().Get("tenant")
	of := v.figuresOf()
	if tenant != "" {
		if !v.sees(tenant) {
			return missing
		}
		of = []string{tenant}
	}
	days, err := v.p.o.Figures.LastDays(v.ctx(), now, 30, of...)
	if err != nil {
		return err
	}
	slices.Reverse(days)
	today := invoice.Today(now)
	d := daysPage{Days: days, From: today, To: today, Tenant: tenant}
	if v.p.o.Retention > 0 {
		d.Earliest = firstKept(now.Add(-v.p.o.Retention)).Format(time.DateOnly)
	}
	return v.render(http.StatusOK, "days", v.T("Days"), d)
}

// firstKept returns the first midnight in Warsaw that is not earlier than from.
func firstKept(from time.Time) time.Time {
	at := from.In(invoice.Warsaw())
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
	if day.Before(at) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// report answers with a report of some days about the invoices that the visitor sees. The report is
// a page of its own, or a file for a spreadsheet program.
func (v *daily) report() error {
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	from, err1 := time.ParseInLocation(time.DateOnly, q.From, invoice.Warsaw())
	to, err2 := time.Parse(time.DateOnly, q.To)
	first, err3 := time.Parse(time.DateOnly, q.From)
	if errors.Join(err1, err2, err3) != nil || first.After(to) || to.Sub(first) >= maxReportDays*24*time.Hour {
		return &shown{http.StatusBadRequest, "A report is about 1 to %d days: choose the first and the last of them.", []any{maxReportDays}}
	}
	if v.p.o.Retention > 0 && from.Before(v.p.o.Now().Add(-v.p.o.Retention)) {
		return v.tooMuch()
	}
	select {
	case v.p.reports <- struct{}{}:
		defer func() { <-v.p.reports }()
	default:
		return &shown{http.StatusServiceUnavailable, "Another report is being made. Try again in a moment.", nil}
	}
	r, err := v.gather(q, from)
	if errors.Is(err, errTooMuch) || errors.Is(err, context.DeadlineExceeded) {
		return v.tooMuch()
	}
	if err != nil {
		return err
	}
	return v.writeReport(r)
}

func (v *daily) tooMuch() error {
	return &shown{http.StatusRequestEntityTooLarge,
		"This report needs more invoices than the page may read, or days that the ledger no longer has. Choose fewer days or one tenant, or run: enqueue report --from %s --to %s --format html --out FILE",
		[]any{v.r.URL.Query().Get("from"), v.r.URL.Query().Get("to")}}
}

func (v *daily) gather(q question, from time.Time) (report.Report, error) {
	ctx, cancel := context.WithTimeout(v.ctx(), reportTime)
	defer cancel()
	now := v.p.o.Now()
	sources := *v.p.o.Report
	// An invoice with an issue date in these days was last changed on one of these days or later.
	// So entries that were last changed earlier need not be read. One more day allows for clocks
	// that are wrong.
	sources.Ledger = &recent{Ledger: sources.Ledger, since: from.AddDate(0, 0, -1), left: maxReportIDs}
	sources.LedgerAlone = true
	note, lacking := sources.Unread, false
	sources.Unread = func(u ledger.Unreadable) {
		lacking = lacking || !strings.HasPrefix(u.Key, "inv:")
		if note != nil {
			note(u)
		}
	}
	query := report.Query{From: q.From, To: q.To,
		Tenant: func(name, _ string) bool { return v.sees(name) && (q.Tenant == "" || name == q.Tenant) }}
	if q.Tenant != "" {
		query.Names = []string{q.Tenant}
	} else if !v.User.All() {
		query.Names = v.names()
	}
	sums := &report.Collector{RiskBefore: now.Add(v.p.o.Warn)}
	err := sources.Gather(ctx, query, sums)
	if err != nil {
		return report.Report{}, err
	}
	if lacking {
		return report.Report{}, &shown{http.StatusServiceUnavailable,
			"The report would lack documents that were not taken in. Tell whoever looks after the program (KsefUnreadableEntries).", nil}
	}
	r := sums.Report()
	r.From, r.To, r.Tenant, r.Made = q.From, q.To, q.Tenant, now
	if r.Tenant == "" && !v.User.All() {
		r.Tenant = strings.Join(v.names(), ", ")
	}
	return r, nil
}

var errTooMuch = errors.New("a report of the page may not read so many invoices")

// recent is a ledger that lists only what has changed since a time. Changed fails when it has
// listed more entries than the field left allows.
type recent struct {
	report.Ledger
	since time.Time
	left  int
}

// Changed implements [report.Ledger].
func (r *recent) Changed(ctx context.Context, states []ledger.State, from ledger.Place, n int) ([]ledger.Place, error) {
	if since := ledger.At(r.since); from.At < since {
		from = ledger.Place{At: since}
	}
	places, err := r.Ledger.Changed(ctx, states, from, n)
	if r.left -= len(places); r.left < 0 && err == nil {
		return nil, errTooMuch
	}
	return places, err
}

// Refusals implements [report.Ledger].
func (r *recent) Refusals(ctx context.Context, _ time.Time, ended string, tenants ...string) ([]ledger.Refusal, error) {
	return r.Ledger.Refusals(ctx, r.since, ended, tenants...)
}

func (v *daily) writeReport(r report.Report) error {
	name := "report-" + r.From + "-" + r.To
	h := v.w.Header()
	switch v.r.URL.Query().Get("format") {
	case "xlsx":
		var b strings.Builder
		if err := r.WriteXLSX(&b, v.Lang); err != nil {
			return err
		}
		return v.file(name+".xlsx", spreadsheet, []byte(b.String()))
	case "csv":
		var b strings.Builder
		b.WriteString("\uFEFF")
		w := csv.NewWriter(&b)
		w.Comma = ';'
		flat := r.Flat()
		_ = w.Write(flat.Head) // Error returns the first error
		for _, cells := range flat.Rows {
			line := make([]string, len(cells))
			for i, c := range cells {
				line[i] = fmt.Sprint(c)
			}
			line[0] = guarded(line[0]) // a person has chosen the tenant's name
			_ = w.Write(line)
		}
		w.Flush()
		return errors.Join(w.Error(), v.file(name+".csv", "text/csv; charset=utf-8", []byte(b.String())))
	}
	var b strings.Builder
	if err := r.WriteHTML(&b, v.Lang); err != nil {
		return err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The report is a page of its own, with its style sheet inside and without a script.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = v.w.Write([]byte(b.String()))
	return nil
}
