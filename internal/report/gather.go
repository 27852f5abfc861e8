package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// Ledger is the part of [ledger.Ledger] that Sources needs.
type Ledger interface {
	Changed(ctx context.Context, states []ledger.State, from ledger.Place, n int) ([]ledger.Place, error)
	Listed(ctx context.Context, ids []string) ([]ledger.Invoice, error)
	Lost(ctx context.Context, states []ledger.State, ids []string) ([]ledger.Unreadable, error)
	Refusals(ctx context.Context, from time.Time, ended string, tenants ...string) ([]ledger.Refusal, error)
}

// Sources are where the facts come from.
type Sources struct {
	Archive *records.Reader
	// Ledger says how invoices stand now. If it is nil, only the archive is asked.
	Ledger Ledger
	// Document returns the document of an entry, from wherever it waits. Its error wraps
	// [ledger.ErrNotFound], or satisfies [records.Missing], when nobody has it. Document is used
	// with Ledger only.
	Document func(ctx context.Context, inv *ledger.Invoice) ([]byte, error)
	// LedgerAlone leaves out invoices that only the archive knows. Documents are still looked for
	// in the archive.
	LedgerAlone bool
	// Unread is called with each entry that cannot be read and may be of a wanted tenant, if no
	// result of it was found in the archive either. So the report may lack the invoice of that
	// entry. It is also called with each sick list of refused documents of a wanted tenant. Unread
	// may be nil.
	Unread func(ledger.Unreadable)
	// NoDocument is called with the id of each invoice that KSeF has accepted and whose document
	// nobody has, and with the error that says so. So the report lacks the invoice's amount.
	// NoDocument may be called by several goroutines at the same time. It may be nil.
	NoDocument func(id string, err error)
	// Attested is called with each invoice that a receipt of the archive lists and no result tells
	// of. It may be nil; then no receipts are read.
	Attested func(records.Attested)
}

// Query chooses invoices by tenant and by P_1, which is between From and To, both included. Tenant
// reports whether an invoice is wanted, by the name of its tenant and the NIP of its seller. A nil
// Tenant wants all. Names are the names of the wanted tenants, if they are known; then only the
// refused documents in the lists of these tenants are read.
type Query struct {
	From, To string // "2006-01-02"
	Tenant   func(name, nip string) bool
	Names    []string
}

func (q Query) wants(tenant, nip, day string) bool {
	return day >= q.From && day <= q.To && (q.Tenant == nil || q.Tenant(tenant, nip))
}

const (
	chunk    = 500 // entries that are read at a time
	parallel = 8   // documents that are read at a time, each at most a few megabytes
)

// Gather adds every invoice and every refused document that the query chooses, each once. An
// invoice whose state changes meanwhile may be missed (see inState).
func (s *Sources) Gather(ctx context.Context, q Query, c *Collector) error {
	seen := map[string]bool{}    // ids that the ledger has; the archive may have older results of them
	numbers := records.Numbers{} // KSeF numbers that the ledger has
	var unread []ledger.Unreadable
	if s.Ledger != nil {
		for _, state := range ledger.States() {
			some, err := s.inState(ctx, q, state, seen, numbers, c)
			if err != nil {
				return err
			}
			unread = append(unread, some...)
		}
		some, err := s.refused(ctx, q, c)
		if err != nil {
			return err
		}
		unread = append(unread, some...)
	}
	if !s.LedgerAlone {
		if err := s.inArchive(ctx, q, seen, c, numbers); err != nil {
			return err
		}
	}
	return s.tellUnread(ctx, q, unread)
}

// tellUnread calls Unread with the entries whose results the archive does not have. An entry that
// cannot be read may be of any day, so the archive is asked for its id in every month.
func (s *Sources) tellUnread(ctx context.Context, q Query, unread []ledger.Unreadable) error {
	for _, u := range unread {
		tenant, known := u.RefusalsOf()
		if !known {
			tenant, known = u.Tenant, u.Tenant != ""
		}
		if s.Unread == nil || known && q.Tenant != nil && !q.Tenant(tenant, "") {
			continue
		}
		if !s.LedgerAlone && strings.HasPrefix(u.Key, "inv:") {
			found, err := s.Archive.FindID(ctx, u.ID)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				continue
			}
		}
		s.Unread(u)
	}
	return nil
}

// inState adds the invoices that the ledger has in one state. An invoice that moves while states
// are read is added once, in the state in which it was met first. An invoice may be missed if it
// moves backwards in the order of the states meanwhile, for example because a person retries it or
// its package is given up.
//
// inState returns the entries that it could not read.
func (s *Sources) inState(ctx context.Context, q Query, state ledger.State, seen map[string]bool, numbers records.Numbers, c *Collector) (
	unread []ledger.Unreadable, err error,
) {
	for at := (ledger.Place{}); ; {
		places, err := s.Ledger.Changed(ctx, []ledger.State{state}, at, chunk)
		odd, other := ledger.Skip(err)
		if other != nil || slices.ContainsFunc(odd, func(u ledger.Unreadable) bool { return !strings.HasPrefix(u.Key, "inv:") }) {
			return nil, fmt.Errorf("list %s invoices: %w", state, err)
		}
		unread = append(unread, odd...)
		if len(places) == 0 {
			return unread, nil
		}
		at = places[len(places)-1]
		invs, bad, err := s.listed(ctx, state, places)
		if err != nil {
			return nil, err
		}
		unread = append(unread, bad...)
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i := range invs {
			inv := &invs[i]
			numbers.Add(inv.KsefNumber)
			if seen[inv.ID] || !q.wants(inv.Tenant, inv.NIP, inv.IssueDate) {
				continue
			}
			seen[inv.ID] = true
			g.Go(func() error {
				doc, err := s.document(ctx, inv)
				if err != nil {
					return err
				}
				c.Add(ofEntry(inv, doc))
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
	}
}

// listed reads the entries of some places of a state. unread are those that cannot be read or are
// gone.
func (s *Sources) listed(ctx context.Context, state ledger.State, places []ledger.Place) (
	invs []ledger.Invoice, unread []ledger.Unreadable, err error,
) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	invs, err = s.Ledger.Listed(ctx, ids)
	if unread, err = ledger.Skip(err); err != nil {
		return nil, nil, err
	}
	lost, err := s.Ledger.Lost(ctx, []ledger.State{state}, ledger.Absent(ids, invs, unread))
	if err != nil {
		return nil, nil, err
	}
	return invs, append(unread, lost...), nil
}

// document returns the document of an entry, or nil when it is not kept any more. For an entry in a
// final state it looks in the archive first.
func (s *Sources) document(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	var lacks error
	if inv.State.Final() {
		doc, err := s.Archive.Document(ctx, results.Of(*inv, ""))
		if err == nil || !records.Missing(err) {
			return doc, err
		}
		lacks = err
	}
	doc, err := s.Document(ctx, inv)
	if !errors.Is(err, ledger.ErrNotFound) && !records.Missing(err) {
		return doc, err
	}
	if inv.State.InKSeF() {
		// A worker may have archived the document meanwhile, and then removed it from Redis.
		again, missing := s.Archive.Document(ctx, results.Of(*inv, ""))
		if missing == nil || !records.Missing(missing) {
			return again, missing
		}
	}
	s.noDocument(inv.ID, inv.State, cmp.Or(lacks, err))
	return nil, nil // the amount is not known
}

// noDocument reports an invoice without a document. A document that KSeF has not accepted may have
// been removed by a person, or after storage.keep_rejected.
func (s *Sources) noDocument(id string, state ledger.State, err error) {
	if s.NoDocument != nil && state.InKSeF() {
		s.NoDocument(id, err)
	}
}

func ofEntry(inv *ledger.Invoice, doc []byte) Fact {
	f := Fact{ID: inv.ID, Tenant: inv.Tenant, Number: inv.Number, Day: inv.IssueDate, State: string(inv.State), Code: inv.Code,
		Reason: inv.Reason, Taken: inv.CreatedAt.Time(), Deadline: inv.Deadline.Time()}
	if inv.State.InKSeF() && !inv.Recovered { // KSeF had a recovered invoice before it came here
		f.Numbered = inv.AcceptedAt.Time()
	}
	f.amount(doc)
	return f
}

// amount reads P_15 and its currency from the document.
func (f *Fact) amount(doc []byte) {
	if doc == nil {
		return
	}
	h, _ := invoice.ParseWith(doc, invoice.ParseOptions{
		MaxSize: int64(len(doc)) + 1, AllowDiscouraged: true,
	}) // its faults do not matter here
	if gross, err := ParseAmount(h.Gross); err == nil {
		f.Gross, f.Currency = gross, h.Currency
	}
}

// Faults are the faults of a document that was not taken in, for [explain.PolishFaults].
func Faults(r *ledger.Refusal) []explain.Defect {
	all := make([]explain.Defect, 0, len(r.Faults))
	for _, f := range r.Faults {
		all = append(all, explain.Defect{Field: f.Field, Rule: f.Rule, Value: f.Value, Line: f.Line, Column: f.Column})
	}
	return all
}

// refused adds the documents that were not taken in and still wait for a person. A document without
// a date counts on the day of its refusal. refused returns the lists that it could not read.
func (s *Sources) refused(ctx context.Context, q Query, c *Collector) (unread []ledger.Unreadable, err error) {
	all, err := s.Ledger.Refusals(ctx, time.Time{}, "", q.Names...)
	if unread, err = ledger.Skip(err); err != nil {
		return nil, err
	}
	for i := range all {
		r := &all[i]
		f := Fact{ID: r.ID, Tenant: r.Tenant, Number: r.Number, Day: r.IssueDate, State: results.Refused, Reason: results.RefusalReason(r),
			faults: Faults(r), more: r.More}
		if _, err := time.Parse(time.DateOnly, f.Day); err != nil {
			f.Day = r.At.Time().In(invoice.Warsaw()).Format(time.DateOnly)
		}
		for _, fault := range r.Faults {
			f.rules = append(f.rules, fault.Rule)
		}
		if q.wants(f.Tenant, r.NIP, f.Day) {
			c.Add(f)
		}
	}
	return unread, nil
}

// inArchive adds the invoices that the archive has and the ledger did not have. numbers are the
// KSeF numbers of the ledger. Attested is not called for these numbers, because an invoice that the
// ledger has may not have been archived yet.
func (s *Sources) inArchive(ctx context.Context, q Query, seen map[string]bool, c *Collector, numbers records.Numbers) error {
	var lacks func(records.Attested)
	if s.Attested != nil {
		lacks = func(a records.Attested) {
			if !numbers.Has(a.KsefNumber) {
				s.Attested(a)
			}
		}
	}
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	err := s.Archive.EachWithin(ctx, records.Within{From: q.From, To: q.To}, func(r results.Result) error {
		if r.Tenant == "" {
			r.Tenant = r.NIP
		}
		if seen[r.ID] || !q.wants(r.Tenant, r.NIP, r.IssueDate) {
			return nil
		}
		g.Go(func() error {
			doc, err := s.Archive.Document(within, r)
			if records.Missing(err) {
				s.noDocument(r.ID, ledger.State(r.State), err)
			} else if err != nil {
				return err
			}
			f := Fact{ID: r.ID, Tenant: r.Tenant, Number: r.Number, Day: r.IssueDate, State: r.State, Code: r.Code, Reason: r.Reason}
			f.amount(doc)
			c.Add(f)
			return nil
		})
		return within.Err()
	}, lacks)
	if failed := g.Wait(); failed != nil {
		return failed
	}
	return err
}
