package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

type resultsCmd struct {
	listing
	filter
	Since string `help:"Only what changed since: 24h, 7d, 2026-11-23 (Warsaw) or RFC 3339." placeholder:"T"`
	State string `help:"${results_state}" placeholder:"S"`

	KsefNumber string `help:"Only KSeF numbers that begin with this: a seller's NIP, or with the day NIP-20261123." placeholder:"N"`

	from func(now time.Time) time.Time // what Since stands for; now is Redis's clock
}

func (c *resultsCmd) check() error {
	if err := c.listing.check(); err != nil {
		return err
	}
	if err := c.filter.check(); err != nil {
		return err
	}
	if err := c.checkState(); err != nil {
		return err
	}
	var err error
	c.from, err = parseSince(c.Since)
	return err
}

// waitingState stands for the states in which an invoice is undecided or lacks its receipt.
const waitingState = "waiting"

func (c *resultsCmd) checkState() error {
	names := []string{waitingState}
	for _, s := range ledger.States() {
		names = append(names, string(s))
	}
	names = append(names, results.Refused)
	if c.State == "" || slices.Contains(names, c.State) {
		return nil
	}
	return &usageError{what: fmt.Sprintf("--state %q is not known", c.State),
		hint: "use one of " + strings.Join(names, ", ")}
}

// resultsMemory is the memory limit of the Go runtime for a list, in bytes. Together with the
// program itself, which takes some 32 MB, that is less than 64 MB.
const resultsMemory = 28 << 20

func (c *resultsCmd) run(ctx context.Context, p *program) error {
	// Few pages are in memory at one time. Without a limit, a long list may take more memory
	// between two garbage collections.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(resultsMemory))
	print, end := c.printer(p)
	shown := 0
	show := func(r *results.Result) error { shown++; return print(r) }
	wanted := c.filter.of(p)
	wanted.KsefNumber, wanted.Waiting = c.KsefNumber, c.State == waitingState
	if !wanted.Waiting {
		wanted.State = ledger.State(c.State)
	}
	now, err := p.base.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	asked, archive, unread := p.inquiry(), &records.Reader{Store: p.base.Store}, 0
	asked.Unread = func(u ledger.Unreadable) {
		if mayPass(ctx, archive, &wanted, &u) {
			p.sayUnread(u)
			unread++
		}
	}
	for d, err := range asked.Decided(ctx, c.from(now), wanted) {
		if err == nil {
			err = show(&d.Result)
		}
		if err != nil {
			return err
		}
	}
	if err := c.refusals(ctx, asked, c.from(now), &wanted, show); err != nil {
		return err
	}
	if err := errors.Join(end(), c.unknown(p, shown)); err != nil {
		return err
	}
	return whole(p, unread)
}

// mayPass reports whether the invoice of an entry that cannot be read may pass the filter. The
// archive knows the facts of an invoice that never change, which are its tenant, dates and numbers.
// If the archive does not answer or does not have the invoice, mayPass returns true.
func mayPass(ctx context.Context, archive *records.Reader, wanted *inquiry.Filter, u *ledger.Unreadable) bool {
	if tenant, ok := u.RefusalsOf(); ok {
		return wanted.OfTenant(tenant)
	}
	if u.Tenant != "" && !wanted.OfTenant(u.Tenant) {
		return false
	}
	asked := len(wanted.Tenants) > 0 || wanted.Day != "" || wanted.Number != "" || wanted.KsefNumber != ""
	if !asked || !strings.HasPrefix(u.Key, "inv:") { // a shared key concerns all
		return true
	}
	found, err := archive.FindID(ctx, u.ID)
	if err != nil || len(found) == 0 {
		return true
	}
	r := &found[0]
	tenant, ksefNumber := cmp.Or(r.Tenant, r.NIP), strings.ToUpper(wanted.KsefNumber)
	if r.KsefNumber != "" {
		ksefNumber = r.KsefNumber // an invoice archived without a KSeF number may have one now
	}
	return wanted.OfTenant(tenant) && wanted.MatchText(r.IssueDate, r.Number, ksefNumber)
}

// whole returns an error when entries were left out of a list. A program must not take the list for
// a whole one.
func whole(p *program, unread int) error {
	if unread == 0 {
		return nil
	}
	p.say("the list is not complete: it lacks %s; see above", plural.Of(unread, "damaged entry", "damaged entries"))
	return errSome
}

// refusals shows the refused documents in the state c.State. Without a state it shows none, because
// only a document that was taken in has an outcome.
func (c *resultsCmd) refusals(
	ctx context.Context, asked *inquiry.Reader, from time.Time, wanted *inquiry.Filter, show func(*results.Result) error,
) error {
	ended := ""
	switch c.State {
	case results.Refused:
	case ledger.RefusalSuperseded, ledger.RefusalDismissed:
		ended = c.State
	default:
		return nil
	}
	refusals, err := asked.Refusals(ctx, from, ended, wanted.Tenants...)
	if err != nil {
		return err
	}
	for i := range refusals {
		r := results.OfRefusal(&refusals[i])
		if !passes(wanted, &r) {
			continue
		}
		if err := show(&r); err != nil {
			return err
		}
	}
	return nil
}

// printer returns a function that prints one result, and one that ends the output.
func (c *resultsCmd) printer(p *program) (show func(*results.Result) error, end func() error) {
	nothing := func() error { return nil }
	switch c.Format {
	case "ndjson":
		return func(r *results.Result) error { return printJSON(p.out, r) }, nothing
	case "csv":
		w := c.csv(p.out)
		_ = w.Write(csvHead()) // Error returns the first error
		show = func(r *results.Result) error { return w.Write(csvRow(*r)) }
		return show, func() error { w.Flush(); return w.Error() }
	}
	// The head is printed before the rows are known, so its columns are as wide as ids, times,
	// states and KSeF numbers usually are.
	rows, first := &columns{s: p.out, widths: []int{30, 16, 10, 12, 35}}, true
	return func(r *results.Result) error {
		if first {
			rows.row("ID", "CHANGED", "STATE", "P_2", "KSEF NUMBER OR REASON", "FILE")
		}
		first = false
		changed, _ := time.Parse(time.RFC3339, r.UpdatedAt)
		rows.row(r.ID, day(changed), r.State, r.Number, cmp.Or(outcome(*r), waitText(*r)), r.File)
		return nil
	}, nothing
}
