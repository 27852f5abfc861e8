package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

const (
	searchPage = numbers.MaxMetadataPage
	searchSpan = 80 * 24 * time.Hour // of one request; KSeF takes three months, which are 89 days at the least
	searchMost = 400                 // pages for one package: 100,000 invoices, twenty hours of the limit
	// searchPatience is how long after the package was closed an invoice may appear in the register that is not in it yet.
	searchPatience = time.Hour
	// searchRest is the pause between two passes that found not everything, or broke off, doubled each time
	// up to searchRestMax: a pass costs at least one of the register's 20 requests an hour.
	searchRest    = 15 * time.Second
	searchRestMax = time.Hour
)

// search looks the originals of invoices up in the register's metadata, all of a package in one pass: KSeF lists invoices by time and cannot be asked for one. An original of equal content has the
// same P_1, and KSeF takes none before that day: the pass begins there and goes on to now. Where it stands is written into the package after each page, because the limits
// interrupt it. Metadata has no hash: it tells the number, and the document proves.
//
// The register answers one part at a time: what the taxpayer sold, and what it bought and billed
// itself. A package with both takes a pass for each, one after the other, so that one place of the
// package is enough to remember where a pass stands.
func (w *Worker) search(ctx context.Context, t Transport, p *ledger.Package, want []*ledger.Invoice) error {
	for _, as := range []ksef.SubjectType{ksef.Subject1, ksef.Subject2, ksef.Subject3, ksef.SubjectAuthorized} {
		var some []*ledger.Invoice
		for _, inv := range want {
			if subjectOf(inv) == as {
				some = append(some, inv)
			}
		}
		if len(some) == 0 {
			continue
		}
		if err := w.searchAs(ctx, t, p, as, some); err != nil {
			return err
		}
	}
	return nil
}

// subjectOf is the part that the sender has in an invoice.
func subjectOf(inv *ledger.Invoice) ksef.SubjectType {
	if inv.Subject == "" {
		return ksef.Subject1
	}
	return ksef.SubjectType(inv.Subject)
}

// beginPass forgets how far a pass for another part came.
func (w *Worker) beginPass(ctx context.Context, p *ledger.Package, as ksef.SubjectType) error {
	if p.SearchAs == string(as) || p.SearchAs == "" && as == ksef.Subject1 {
		return nil
	}
	if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{
		{Field: "search_as", Value: string(as)}, {Field: "search_from", Value: 0}, {Field: "search_page", Value: 0},
		{Field: "searched", Value: 0}, {Field: "passes", Value: 0}, {Field: "next_pass", Value: 0},
	}}); err != nil {
		return err
	}
	p.SearchAs, p.SearchFrom, p.SearchPage, p.Searched, p.Passes, p.NextPass = string(as), 0, 0, 0, 0, 0
	return nil
}

func (w *Worker) searchAs(ctx context.Context, t Transport, p *ledger.Package, as ksef.SubjectType, want []*ledger.Invoice) error {
	if err := w.beginPass(ctx, p, as); err != nil {
		return err
	}
	if now := w.o.Now(); now.Before(p.NextPass.Time()) {
		return later(p.NextPass.Time().Sub(now), retry.ReasonProcessing, fmt.Sprintf("%d invoices have not been found in KSeF's register yet", len(want)))
	}
	from := p.SearchFrom.Time()
	if from.IsZero() {
		var err error
		if from, err = firstDay(want); err != nil {
			return err
		}
	}
	if now := w.o.Now(); from.After(now) {
		from = now
	}
	for ; p.Searched < searchMost; p.Searched++ {
		now := w.o.Now()
		to := from.Add(searchSpan)
		if to.After(now) {
			to = now
		}
		page, err := t.Metadata(ctx, ksef.MetadataRequest{SubjectType: as, Range: ksef.Between(from, to), PageOffset: p.SearchPage, PageSize: searchPage, SortAsc: true})
		if withheld(err) {
			w.o.Log.Warn().Str("package", p.ID).Err(err).Msg("the register cannot be looked through")
			break
		}
		if err != nil {
			return w.breakPass(ctx, p, now, err)
		}
		if want, err = w.found(ctx, want, page.Invoices); err != nil || len(want) == 0 {
			return err
		}
		next, offset := onwards(from, to, p.SearchPage, page)
		if next.Equal(to) && to.Equal(now) { // all that is there was seen
			if now.Sub(p.ClosingAt.Time()) < searchPatience {
				return w.endPass(ctx, p, now, len(want))
			}
			break
		}
		from = next
		if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "search_from", Value: ledger.At(from)},
			{Field: "search_page", Value: offset}, {Field: "searched", Value: p.Searched + 1}}}); err != nil {
			return err
		}
		p.SearchPage = offset
	}
	for _, inv := range want {
		if err := w.park(ctx, inv, inv.Code, unproven(inv)); err != nil {
			return err
		}
	}
	return nil
}

// endPass ends a pass that came to the present and did not find everything.
func (w *Worker) endPass(ctx context.Context, p *ledger.Package, now time.Time, missing int) error {
	pause, err := w.restFromPass(ctx, p, now)
	if err != nil {
		return err
	}
	return later(pause, retry.ReasonProcessing, fmt.Sprintf("%d invoices have not been found in KSeF's register yet", missing))
}

// breakPass ends a pass at a page that could not be had; the next one goes on there. What says itself
// when to come again, such as a limit or a freeze, is waited for as it says. Anything else, such as an
// answer that cannot be read, costs a request at each try and may last: the pauses grow.
func (w *Worker) breakPass(ctx context.Context, p *ledger.Package, now time.Time, cause error) error {
	v := retry.Judge(cause)
	if v.Delay > 0 || v.Action == retry.Never || v.Action == retry.Again || v.Reason == retry.ReasonStopping {
		return cause
	}
	pause, err := w.restFromPass(ctx, p, now)
	if err != nil {
		return err
	}
	return &retry.LaterError{Delay: pause, Reason: v.Reason, What: "a page of KSeF's register", Err: cause}
}

// restFromPass writes when the next pass may begin. The pause doubles each time.
func (w *Worker) restFromPass(ctx context.Context, p *ledger.Package, now time.Time) (time.Duration, error) {
	pause := min(searchRest<<min(p.Passes, 10), searchRestMax)
	err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{
		{Field: "passes", Value: p.Passes + 1}, {Field: "next_pass", Value: ledger.At(now.Add(pause))}}})
	if err != nil {
		return 0, err
	}
	p.Passes, p.NextPass = p.Passes+1, ledger.At(now.Add(pause))
	return pause, nil
}

// firstDay is the beginning of the earliest P_1 in Warsaw.
func firstDay(invs []*ledger.Invoice) (time.Time, error) {
	first := invs[0].IssueDate
	for _, inv := range invs {
		first = min(first, inv.IssueDate)
	}
	return time.ParseInLocation(time.DateOnly, first, invoice.Warsaw())
}

// onwards tells where the pass goes on after a page: at the next page, behind what a set cut short at 10,000 has shown, or, when all up to to was seen, there.
func onwards(from, to time.Time, page int, m ksef.MetadataPage) (next time.Time, offset int) {
	last := from
	if n := len(m.Invoices); n > 0 {
		last = m.Invoices[n-1].PermanentStorageDate.Time
	}
	switch {
	case m.IsTruncated && last.After(from) && last.Before(to):
		return last, 0
	case m.HasMore:
		return from, page + 1
	case m.IsTruncated:
		return from.Add(time.Millisecond), 0 // ten thousand in one instant: what the rest of them is, nobody can list
	}
	return to, 0
}

// found notes the numbers of those that a page names, and returns the others.
func (w *Worker) found(ctx context.Context, want []*ledger.Invoice, page []ksef.Metadata) (left []*ledger.Invoice, err error) {
	byNumber := make(map[string][]ksef.Metadata, len(page))
	for _, m := range page {
		n := normalName(m.InvoiceNumber)
		byNumber[n] = append(byNumber[n], m)
	}
	for _, inv := range want {
		number, at := "", time.Time{}
		for _, m := range byNumber[normalName(inv.Number)] {
			if describes(m, inv) {
				number, at = m.KSeFNumber, m.AcquisitionDate.Time
			}
		}
		if number == "" {
			left = append(left, inv)
			continue
		}
		err := w.note(ctx, inv, ledger.Set{Field: "orig_number", Value: number}, ledger.Set{Field: "orig_by", Value: byRegister}, ledger.Set{Field: "accepted_at", Value: ledger.At(at)})
		if err != nil {
			return nil, err
		}
		inv.OriginalNumber, inv.OriginalBy = number, byRegister
	}
	return left, nil
}

// describes compares seller and kind; the gateway may write the seller as an object and the kind as KorZal where the document says KOR_ZAL, or leave one out.
func describes(m ksef.Metadata, inv *ledger.Invoice) bool {
	plain := func(kind string) string { return strings.ToUpper(strings.ReplaceAll(kind, "_", "")) }
	return wrongNumber(inv, m.KSeFNumber) == "" && (m.Seller.Identifier == "" || strings.Contains(m.Seller.Identifier, inv.NIP)) &&
		(m.InvoiceType == "" || plain(m.InvoiceType) == plain(inv.Kind))
}

// unproven is why an invoice is parked of which nothing proves what became of it.
func unproven(inv *ledger.Invoice) string {
	switch {
	case inv.Code != ksef.InvoiceDuplicate && inv.Code == 0:
		return fmt.Sprintf("session %s is over and does not account for it, and KSeF's register does not list number %s: look whether it is there; if it is not, retry", inv.Session, inv.Number)
	case inv.Code != ksef.InvoiceDuplicate:
		return fmt.Sprintf("the gateway no longer knows session %s, and KSeF's register does not list number %s: look whether it is there; if it is not, retry", inv.Session, inv.Number)
	case inv.OriginalNumber == "":
		return fmt.Sprintf("KSeF has an invoice of number %s but does not say which, and its register does not list it: look it up in KSeF; if it is this document, nothing is left to do", inv.Number)
	}
	return fmt.Sprintf("KSeF calls it a duplicate of %s, which cannot be had or is another invoice, and its register does not list number %s: compare by hand, then retry or leave it", inv.OriginalNumber, inv.Number)
}
