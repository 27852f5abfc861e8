package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

type resultsCmd struct {
	Since  string `help:"Only what changed since: 24h, 7d, 2026-11-23 (Warsaw) or RFC 3339." placeholder:"T"`
	Format string `help:"table, csv or ndjson (one JSON object a line)." default:"table" placeholder:"F"`
	// What spreadsheet programs want: in Poland they part cells by semicolons, and take UTF-8 for
	// what it is by its mark.
	BOM       bool   `name:"bom" help:"With csv: begin with a byte order mark, by which spreadsheet programs know UTF-8."`
	Delimiter string `help:"With csv: what stands between cells: comma, semicolon (both also as , and ;), tab or |." placeholder:"C"`

	from  func(now time.Time) time.Time
	comma rune
}

func (c *resultsCmd) check() error {
	switch c.Format {
	case "table", "csv", "ndjson":
	default:
		return &usageError{what: fmt.Sprintf("--format %q is not known", c.Format), hint: "say table, csv or ndjson"}
	}
	if (c.BOM || c.Delimiter != "") && c.Format != "csv" {
		return &usageError{what: "--bom and --delimiter go with --format csv", hint: "add --format csv, or leave them out"}
	}
	known := false
	if c.comma, known = delimiters[c.Delimiter]; !known {
		return &usageError{what: fmt.Sprintf("--delimiter %q is not known", c.Delimiter), hint: "say comma, semicolon, tab or |"}
	}
	if c.Since == "" {
		c.from = func(time.Time) time.Time { return time.Time{} }
		return nil
	}
	if d, ok := parseSpan(c.Since); ok {
		c.from = func(now time.Time) time.Time { return now.Add(-d) }
		return nil
	}
	t, ok := parseTime(c.Since, invoice.Warsaw(), false)
	if !ok {
		return &usageError{what: fmt.Sprintf("--since %q is neither a time nor a duration", c.Since), hint: "say 24h, 7d, 2026-11-23 or 2026-11-23T08:00:00+01:00"}
	}
	c.from = func(time.Time) time.Time { return t }
	return nil
}

var delimiters = map[string]rune{"": ',', ",": ',', "comma": ',', ";": ';', "semicolon": ';', "tab": '\t', "\t": '\t', `\t`: '\t', "|": '|'}

// parseSpan reads a duration; days are what people mean by 7d, 24 hours each.
func parseSpan(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n >= 0 && n <= 36500
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

func (c *resultsCmd) run(ctx context.Context, p *program) error {
	show, end := c.printer(p)
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	for inv, err := range decided(ctx, p, c.from(now)) {
		if err == nil {
			err = show(inv)
		}
		if err != nil {
			return err
		}
	}
	return end()
}

// decided yields what is accepted, receipted, rejected or parked and changed since from, in the
// order of the last change. What cannot be read is told on stderr and left out.
func decided(ctx context.Context, p *program, from time.Time) iter.Seq2[ledger.Invoice, error] {
	l := p.base.Ledger
	return func(yield func(ledger.Invoice, error) bool) {
		var lists []*list
		for _, s := range ledger.States() {
			if !s.Final() {
				continue
			}
			ids, err := l.InState(ctx, s, from, time.Time{}, 0)
			if err != nil {
				yield(ledger.Invoice{}, fmt.Errorf("list %s invoices: %w", s, err))
				return
			}
			lists = append(lists, &list{ids: ids})
		}
		told := map[string]bool{} // one that was receipted between two of the lists is in both
		for {
			var next *list
			for _, li := range lists {
				if err := li.fill(ctx, p); err != nil {
					yield(ledger.Invoice{}, err)
					return
				}
				if len(li.ahead) > 0 && (next == nil || li.ahead[0].UpdatedAt < next.ahead[0].UpdatedAt) {
					next = li
				}
			}
			if next == nil {
				return
			}
			inv := next.ahead[0]
			next.ahead = next.ahead[1:]
			if told[inv.ID] || !inv.State.Final() {
				continue
			}
			told[inv.ID] = true
			if !yield(inv, nil) {
				return
			}
		}
	}
}

// list is one state's ids, oldest change first, and the entries read ahead.
type list struct {
	ids   []string
	ahead []ledger.Invoice
}

func (li *list) fill(ctx context.Context, p *program) error {
	for len(li.ahead) == 0 && len(li.ids) > 0 {
		n := min(len(li.ids), listChunk)
		invs, err := p.base.Ledger.Invoices(ctx, li.ids[:n])
		if err := p.skip(err); err != nil {
			return err
		}
		li.ids, li.ahead = li.ids[n:], invs
	}
	return nil
}

// printer returns what prints one result, and what ends the output.
func (c *resultsCmd) printer(p *program) (show func(ledger.Invoice) error, end func() error) {
	nothing := func() error { return nil }
	switch c.Format {
	case "ndjson":
		return func(inv ledger.Invoice) error { return printJSON(p.out, p.resultOf(inv)) }, nothing
	case "csv":
		if c.BOM {
			_, _ = p.out.Write([]byte("\uFEFF"))
		}
		w := csv.NewWriter(p.out)
		w.Comma = c.comma
		_ = w.Write(csvHead()) // the writer keeps its first error for the end
		show = func(inv ledger.Invoice) error { return w.Write(csvRow(p.resultOf(inv))) }
		return show, func() error { w.Flush(); return w.Error() }
	}
	rows, first := &columns{s: p.out}, true
	return func(inv ledger.Invoice) error {
		if first {
			rows.row("ID", "CHANGED", "STATE", "P_2", "KSEF NUMBER OR REASON", "FILE")
		}
		first = false
		r := p.resultOf(inv)
		rows.row(r.ID, day(inv.UpdatedAt.Time()), r.State, r.Number, outcome(r), r.File)
		return nil
	}, nothing
}

// csvHead is the names of the JSON fields, from the one place where they are written down.
func csvHead() []string {
	var head []string
	for f := range fields(reflect.TypeFor[tasks.Result]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		head = append(head, name)
	}
	return head
}

func fields(t reflect.Type) iter.Seq[reflect.StructField] {
	return slices.Values(reflect.VisibleFields(t))
}

func csvRow(r tasks.Result) []string {
	v := reflect.ValueOf(r)
	var row []string
	for f := range fields(v.Type()) {
		text := fmt.Sprint(v.FieldByIndex(f.Index).Interface())
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if slices.Contains(written, name) {
			text = guarded(text)
		}
		row = append(row, clean(text))
	}
	return row
}

// written are the cells whose text a person wrote, or KSeF in answer to it. All others are our own:
// to put an apostrophe before a hash that begins with + would change it for whoever compares it.
var written = []string{"file", "number", "kind", "reason"}

// guarded keeps a spreadsheet from running what somebody put into a file name or an invoice number:
// what would begin a formula is made text with an apostrophe.
func guarded(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
