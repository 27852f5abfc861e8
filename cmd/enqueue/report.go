package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"ksefworker/internal/connect"
	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/records"
	"ksefworker/internal/report"
)

type reportCmd struct {
	From        string `help:"First issue date (P_1), such as 2026-11-01; by default the first day of this month." placeholder:"D"`
	To          string `help:"Last issue date, included; by default today." placeholder:"D"`
	Tenant      string `help:"Only this tenant, by its name or NIP." placeholder:"NAME"`
	Format      string `help:"table, csv, xlsx, html or json." default:"table" placeholder:"F"`
	Out         string `help:"Write to FILE; xlsx needs it." placeholder:"FILE"`
	BOM         bool   `name:"bom" help:"With csv: begin with a byte order mark, so that spreadsheet programs recognise UTF-8."`
	Delimiter   string `help:"${delimiter}" placeholder:"C"`
	ArchiveOnly bool   `help:"${report_archive}"`
	Lang        string `help:"pl or en; by default as LC_ALL, LC_MESSAGES or LANG say, else en." placeholder:"L"`

	csv     listing
	damaged int // objects of the archive that could not be used, so the report may lack invoices
	lacking int // invoices of which the archive has a receipt and no result
	unread  int // entries of Redis that cannot be read, and whose invoices the archive does not have
	no      noDocuments
}

// opensItself implements [standalone], because the archive alone is enough for --archive-only.
func (c *reportCmd) opensItself() {}

func (c *reportCmd) check() error {
	if !slices.Contains([]string{"table", "csv", "xlsx", "html", "json"}, c.Format) {
		return &usageError{what: fmt.Sprintf("--format %q is not known", c.Format), hint: "use table, csv, xlsx, html or json"}
	}
	if c.Format == "xlsx" && c.Out == "" {
		return &usageError{what: "--format xlsx needs --out FILE", hint: "a spreadsheet cannot be shown on a terminal"}
	}
	if (c.BOM || c.Delimiter != "") && c.Format != "csv" {
		return &usageError{what: "--bom and --delimiter need --format csv", hint: "add --format csv, or leave them out"}
	}
	today := invoice.Today(time.Now())
	if c.From == "" {
		c.From = today[:len("2006-01-")] + "01"
	}
	if c.To == "" {
		c.To = today
	}
	for name, day := range map[string]string{"--from": c.From, "--to": c.To} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return &usageError{what: fmt.Sprintf("%s %q is not a date", name, day), hint: "use 2026-11-23"}
		}
	}
	if c.From > c.To {
		return &usageError{what: fmt.Sprintf("--from %s is after --to %s", c.From, c.To), hint: "exchange them"}
	}
	c.csv = listing{Format: "table", BOM: c.BOM, Delimiter: c.Delimiter}
	if c.Format == "csv" {
		c.csv.Format = "csv"
	}
	if err := c.csv.check(); err != nil {
		return err
	}
	return (&explainCmd{Lang: c.Lang}).check()
}

func (c *reportCmd) run(ctx context.Context, p *program) error {
	r, err := c.gather(ctx, p)
	if err != nil {
		return err
	}
	lang := (&explainCmd{Lang: c.Lang}).language(p.environ)
	if c.Out == "" {
		if err := c.write(p.out, r, lang); err != nil {
			return err
		}
		return c.whole(p)
	}
	if err := writeWhole(c.Out, func(f *os.File) error {
		s := newScreen(f)
		if err := c.write(s, r, lang); err != nil {
			return err
		}
		return s.flush()
	}); err != nil {
		return err
	}
	p.out.println(c.Out)
	return c.whole(p)
}

// whole returns an error when the report may lack invoices or amounts. A program that sends the
// report to an accountant must not take it for a whole one.
func (c *reportCmd) whole(p *program) error {
	if c.damaged > 0 {
		p.say("the report is not complete: it lacks the invoices that are only in the files of the archive named above")
	}
	if c.lacking > 0 {
		p.say("the report is not complete: it lacks %s, see above",
			plural.Of(c.lacking, "invoice that has a receipt (UPO) but no result",
				"invoices that have a receipt (UPO) but no result"))
	}
	if c.no.n > 0 {
		p.say("the report is not complete: it lacks %s, see above",
			plural.Of(c.no.n, "amount whose document is not there", "amounts whose documents are not there"))
	}
	if c.unread > 0 {
		p.say("the report may not be complete: the documents of %s are missing from it if their dates are in this period",
			plural.Of(c.unread, "entry of Redis that cannot be read", "entries of Redis that cannot be read"))
	}
	if c.damaged+c.lacking+c.unread+c.no.n > 0 {
		return errSome
	}
	return nil
}

// gather reads the report's facts.
func (c *reportCmd) gather(ctx context.Context, p *program) (report.Report, error) {
	none := report.Report{}
	reader, done, err := c.archive(ctx, p)
	if err != nil {
		return none, err
	}
	defer done()
	reader.Unread = func(name string, err error) {
		p.sayUnusable(name, err)
		if !errors.Is(err, records.ErrSoundCopy) {
			c.damaged++
		}
	}
	sources, now, err := c.sources(ctx, p, reader)
	if err != nil {
		return none, err
	}
	query, unknown := report.Query{From: c.From, To: c.To}, error(nil)
	if wanted := c.Tenant; wanted != "" {
		// A tenant that was removed from the configuration may still have invoices.
		t, err := p.tenant("--tenant ", wanted)
		if unknown = err; err == nil {
			wanted = t.Title()
		}
		query.Tenant, query.Names = func(name, _ string) bool { return name == wanted }, []string{wanted}
	}
	lacking := newAttested(p, c.Tenant, nil)
	sources.Attested, sources.NoDocument = lacking.tell, func(id string, err error) { c.no.tell(p, id, err) }
	sums := &report.Collector{RiskBefore: now.Add(p.cfg.Deadlines.Warn)}
	if err := sources.Gather(ctx, query, sums); err != nil {
		return none, err
	}
	c.lacking = lacking.end()
	r := sums.Report()
	if unknown != nil && r.Invoices() == 0 {
		return none, unknown
	}
	if r.Invoices() == 0 && !c.ArchiveOnly {
		if err := connect.CheckArchive(ctx, p.base); err != nil {
			return none, err
		}
	}
	r.From, r.To, r.Tenant, r.Made, r.ArchiveOnly = c.From, c.To, c.Tenant, now, c.ArchiveOnly
	return r, nil
}

// archive opens the archive. Unless --archive-only is set, it also opens Redis, which knows the
// invoices that are on their way, and whether an empty archive was used before. done closes what p
// does not close.
func (c *reportCmd) archive(ctx context.Context, p *program) (reader *records.Reader, done func(), err error) {
	if c.ArchiveOnly {
		return p.records(ctx)
	}
	if err := p.openOnce(ctx); err != nil {
		return nil, nil, err
	}
	return p.telling(&records.Reader{Store: p.base.Store}), func() {}, nil
}

// sources returns the sources of the facts. now is the time by Redis's clock, or by this machine's
// clock when Redis is not asked.
func (c *reportCmd) sources(ctx context.Context, p *program, reader *records.Reader) (*report.Sources, time.Time, error) {
	if c.ArchiveOnly {
		return &report.Sources{Archive: reader}, time.Now(), nil
	}
	now, err := p.base.Ledger.Clock(ctx)
	unread := func(u ledger.Unreadable) {
		p.sayUnread(u)
		c.unread++
	}
	return &report.Sources{Archive: reader, Ledger: p.base.Ledger, Document: p.base.Document, Unread: unread}, now, err
}

// noDocuments are the accepted invoices whose documents nobody has, so a report lacks their
// amounts. The reader of documents reports them from several goroutines.
type noDocuments struct {
	mu sync.Mutex
	n  int
}

// tell counts an invoice, and names it if it is among the first maxAttested.
func (d *noDocuments) tell(p *program, id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n++; d.n <= maxAttested {
		p.say("%s: its document is not there, so its amount is not known: %v", id, err)
	}
}

func (c *reportCmd) write(s *screen, r report.Report, lang explain.Language) error {
	switch c.Format {
	case "json":
		return printJSON(s, r)
	case "html":
		return r.WriteHTML(s, lang)
	case "xlsx":
		return r.WriteXLSX(s, lang)
	case "csv":
		return c.writeCSV(s, r)
	}
	for i, section := range r.Sections(lang) {
		if i > 0 {
			s.raw("")
		}
		s.println(section.Title)
		if len(section.Rows) > 0 {
			table(s, section.Head, texts(section.Rows))
		} else {
			s.raw("-")
		}
		if section.Note != "" {
			s.println(section.Note)
		}
	}
	return nil
}

func texts(rows [][]any) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			out[i] = append(out[i], fmt.Sprint(cell))
		}
	}
	return out
}

func (c *reportCmd) writeCSV(s *screen, r report.Report) error {
	w := c.csv.csv(s)
	flat := r.Flat()
	_ = w.Write(flat.Head) // Error returns the first error
	for _, row := range texts(flat.Rows) {
		row[0] = clean(guarded(row[0])) // a person writes the names of tenants
		_ = w.Write(row)
	}
	w.Flush()
	return w.Error()
}
