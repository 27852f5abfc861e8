package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/connect"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

type findCmd struct {
	listing
	where
	To    string   `help:"Last issue date, included." placeholder:"D"`
	Names []string `arg:"" optional:"" name:"ID|P_2|KSEF_NUMBER" help:"${where_names}"`
}

// where holds the flags that say where to look for an invoice.
type where struct {
	From        string `help:"${where_from}" placeholder:"D"`
	Tenant      string `help:"Only this tenant, by its name or NIP." placeholder:"NAME"`
	ArchiveOnly bool   `help:"${where_archive}" aliases:"archive"`

	last    string         // the last issue date; "" for all
	wanted  inquiry.Filter // what Tenant stands for
	archive *records.Reader
	close   func()
	did     records.Scanned
	damaged []string // objects of the archive that could not be read, so the search may have missed invoices
	// mayHaveMore says that there may be more invoices of a number, because the archive could not
	// be asked.
	mayHaveMore bool
	onlyUPO     []records.Attested // invoices that the last search found in receipts alone
	// writeAttested is called with each such invoice whose document is in the archive. It may be
	// nil.
	writeAttested func(records.Attested) error
}

// opensItself implements [standalone], because --archive-only needs the archive and no Redis.
func (w *where) opensItself() {}

func (w *where) check(lastFlag string, names []string) error {
	if len(names) == 0 && w.From == "" && w.last == "" {
		return &usageError{what: "no invoice is named", hint: "name its id, number or KSeF number, or give issue dates: --from 2026-11-01"}
	}
	for _, name := range names {
		if strings.TrimSpace(name) == "" {
			return &usageError{what: "the name is empty", hint: unsetVariable}
		}
	}
	for name, day := range map[string]string{"--from": w.From, lastFlag: w.last} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return &usageError{what: fmt.Sprintf("%s %q is not a date", name, day), hint: "use 2026-11-23"}
		}
	}
	if w.last != "" && w.From > w.last {
		return &usageError{what: fmt.Sprintf("--from %s is after %s %s", w.From, lastFlag, w.last), hint: "exchange them"}
	}
	return nil
}

func (c *findCmd) check() error {
	if err := c.listing.check(); err != nil {
		return err
	}
	c.last = c.To
	return c.where.check("--to", c.Names)
}

// open opens the archive. It also opens Redis when neither --archive-only nor the parameter alone
// is set. w.close closes an archive that was opened without Redis.
func (w *where) open(ctx context.Context, p *program, alone bool) (err error) {
	w.close = func() {}
	if w.ArchiveOnly = w.ArchiveOnly || alone; w.ArchiveOnly {
		w.archive, w.close, err = p.records(ctx)
	} else if err = p.openOnce(ctx); err == nil {
		w.archive = p.telling(&records.Reader{Store: p.base.Store})
	}
	if errors.Is(err, connect.ErrUnreachable) && !w.ArchiveOnly {
		return fmt.Errorf("%w; with --archive-only the archive alone is asked", err)
	}
	if w.archive != nil {
		w.archive.Unread = func(name string, err error) {
			p.sayUnusable(name, err)
			if !errors.Is(err, records.ErrSoundCopy) {
				w.damaged = append(w.damaged, name)
			}
		}
	}
	w.wanted = (&filter{Tenant: w.Tenant}).of(p)
	return err
}

// find returns the invoices that have name as id, number or KSeF number. It looks in the ledger and
// in the archive. It leaves out the archive when name is an id or KSeF number and the ledger has
// that invoice. Several invoices may have one number, and the ledger keeps finished ones only for a
// time. invs has the ledger's entries of the found invoices, by id.
//
// The ledger has no index of KSeF numbers, so it reads a list of invoices to find one. The list of
// the accepted invoices, which are not archived yet, is short. The list of the invoices that have
// their receipts is long. It is read only when the archive lacks the number or cannot be asked.
func (w *where) find(ctx context.Context, p *program, name string) (found []results.Result, invs map[string]*ledger.Invoice, err error) {
	if !w.ArchiveOnly {
		held, err := p.inquiry().Find(ctx, name, w.wanted.Tenants...)
		if err = p.skip(err); err == nil && len(held) == 0 {
			held, err = p.inquiry().FindKsefNumber(ctx, name, ledger.Accepted, w.wanted.Tenants...)
		}
		if found, invs = w.told(p, held); err != nil || len(found) > 0 && namesOne(name, found) {
			return found, invs, err
		}
	}
	kept, did, away := w.archive.FindWithin(ctx, name, records.Within{From: w.From, To: w.last})
	w.onlyUPO, did.Attested = did.Attested, nil
	w.did = did
	for _, f := range kept {
		if invs[f.ID] == nil && !w.leavesOut(f) {
			found = append(found, f)
		}
	}
	if away == nil && len(found) > 0 || w.ArchiveOnly || ctx.Err() != nil {
		return found, invs, away
	}
	if len(found) == 0 {
		var held []ledger.Invoice
		held, err = p.inquiry().FindKsefNumber(ctx, name, ledger.Receipted, w.wanted.Tenants...)
		found, invs = w.told(p, held)
		if err == nil && away == nil && len(held) == 0 {
			away = connect.CheckArchive(ctx, p.base)
		}
	}
	if away != nil && len(found) > 0 {
		w.mayHaveMore = w.mayHaveMore || !namesOne(name, found)
		p.say("%s: the archive cannot be asked, so this is what the ledger has: %s", name, connect.Explain(away))
		away = nil
	}
	return found, invs, cmp.Or(err, away)
}

// told returns the results of entries of the ledger, as far as the flags let them pass, and the
// entries by id.
func (w *where) told(p *program, held []ledger.Invoice) (found []results.Result, invs map[string]*ledger.Invoice) {
	invs = map[string]*ledger.Invoice{}
	for i := range held {
		if r := p.resultOf(held[i]); !w.leavesOut(r) {
			invs[r.ID] = &held[i]
			found = append(found, r)
		}
	}
	return found, invs
}

func (w *where) leavesOut(r results.Result) bool {
	tenant := r.Tenant
	if tenant == "" {
		tenant = r.NIP
	}
	return !w.wanted.OfTenant(tenant) || r.IssueDate < w.From || w.last != "" && r.IssueDate > w.last
}

// each calls yield with the invoices that have one of the names. Without names it calls yield with
// every archived invoice of the issue dates. entry is nil when the ledger was not asked or lacks
// the invoice. some is true when one of the names was not found, or the archive had no invoice of
// the dates. It is also true when the archive lacks an invoice that a receipt lists, or when a part
// of the archive or of the ledger that cannot be read may have one more of these invoices.
func (w *where) each(ctx context.Context, p *program, names []string, yield func(r results.Result, entry *ledger.Invoice) error) (
	some bool, err error,
) {
	if len(names) == 0 {
		n, lacking := 0, newAttested(p, w.Tenant, w.writeAttested)
		err := w.archive.EachWithin(ctx, records.Within{From: w.From, To: w.last}, func(r results.Result) error {
			if w.leavesOut(r) {
				return nil
			}
			n++
			return yield(r, nil)
		}, lacking.tell)
		err = cmp.Or(err, lacking.err)
		if n == 0 && err == nil {
			p.say("the archive has no invoice with these dates and this tenant")
		}
		return lacking.end() > 0 || n == 0 || len(w.damaged) > 0, err
	}
	for _, name := range names {
		before, unread := len(w.damaged), p.unread
		w.onlyUPO = nil
		found, entries, err := w.find(ctx, p, name)
		if err != nil {
			return some, err
		}
		w.sayRead(p)
		damaged := w.damaged[before:]
		lost, err := tellAttested(p, w.Tenant, w.onlyUPO, found, w.writeAttested)
		if err != nil {
			return some, err
		}
		some = some || lost || len(found) == 0 || w.mayHaveMore || mayLack(name, found, damaged) ||
			p.unread > unread && !namesOne(name, found)
		switch {
		case len(found) > 0 || lost:
		case p.unread > unread:
			p.sayUnsure(name)
		default:
			mayBe := ""
			if len(damaged) > 0 {
				mayBe = "; what cannot be used may have it, see above"
			}
			p.say("%s: no invoice has this id, number or KSeF number%s%s", name, w.places(), mayBe)
		}
		for _, r := range found {
			if err := yield(r, entries[r.ID]); err != nil {
				return some, err
			}
		}
	}
	return some, nil
}

// namesOne reports whether a name is the id or KSeF number of the invoice that was found. At most
// one invoice has an id or a KSeF number.
func namesOne(name string, found []results.Result) bool {
	name = strings.TrimSpace(name)
	_, err := invoice.ParseKsefNumber(strings.ToUpper(name))
	return len(found) == 1 && (err == nil || found[0].ID == name)
}

// mayLack reports whether an object that a search could not read may have something that the answer
// of the search lacks. This may be another invoice of the number, or the receipt of an invoice that
// was found.
func mayLack(name string, found []results.Result, damaged []string) bool {
	for _, r := range found {
		if slices.Contains(damaged, records.ReceiptName(r)) {
			return true
		}
	}
	return !namesOne(name, found) && len(damaged) > 0
}

// sayRead says what a search of the archive has read, so that a person sees how far it went.
func (w *where) sayRead(p *program) {
	if d := w.did; d.Places > 0 {
		const mega = 1e6
		p.say("months of the archive searched: %d; read: indexes %d, receipts %d (%.1f MB), results %d",
			d.Places, d.Indexes, d.Receipts, float64(d.Bytes)/mega, d.Results)
	}
	w.did = records.Scanned{}
}

func (c *findCmd) run(ctx context.Context, p *program) error {
	if err := c.open(ctx, p, len(c.Names) == 0); err != nil {
		return err
	}
	defer c.close()
	lacks := false
	if len(c.Names) == 0 {
		c.archive.NoDocument = func(r results.Result, err error) {
			if !c.leavesOut(r) {
				p.say("%s: its document is not there: %v", r.ID, err)
				lacks = true
			}
		}
	}
	print, end := (&resultsCmd{listing: c.listing}).printer(p)
	some, err := c.each(ctx, p, c.Names, func(r results.Result, entry *ledger.Invoice) error {
		if len(c.Names) > 0 {
			whole, err := c.isWhole(ctx, p, r, entry == nil)
			if err != nil {
				return err
			}
			lacks = lacks || !whole
		}
		return print(&r)
	})
	if err := errors.Join(err, end()); err != nil {
		return err
	}
	if some || lacks {
		return errSome
	}
	return nil
}

// isWhole reports whether the archive has the document of an accepted invoice, and its receipt if
// the invoice is receipted. It names what is missing or damaged. archived says that the result was
// found in the archive. A result from the ledger is checked only if the archive can be asked and
// the invoice is receipted, because any other invoice may not be archived yet.
func (c *findCmd) isWhole(ctx context.Context, p *program, r results.Result, archived bool) (bool, error) {
	receipted := r.State == string(ledger.Receipted)
	if r.KsefNumber == "" || !archived && !receipted {
		return true, nil
	}
	whole := true
	for _, part := range []struct {
		what string
		read func() error
	}{
		{"document", func() error { _, err := c.archive.Document(ctx, r); return err }},
		{"receipt (UPO)", func() error {
			if !receipted {
				return nil
			}
			upo, err := c.archive.Receipt(ctx, r)
			if err == nil {
				err = upo.Attests(r)
			}
			return err
		}},
	} {
		switch err := part.read(); {
		case records.Missing(err):
			p.say("%s: its %s is not there: %v", r.ID, part.what, err)
			whole = false
		case err != nil && archived:
			return false, err
		}
	}
	return whole, nil
}

// places returns the end of a message that says where the invoice was looked for.
func (w *where) places() string {
	text := ", in the ledger and in the archive"
	if w.ArchiveOnly {
		text = ", in the archive; an invoice comes there when it is decided"
	}
	if w.From != "" || w.last != "" || w.Tenant != "" {
		text += ", with these dates and this tenant"
	}
	return text
}
