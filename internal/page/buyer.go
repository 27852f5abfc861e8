package page

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// Redis is no place for personal data such as the buyers of invoices. So a search for a buyer first
// finds the invoices that match the rest of the question, and then reads their documents.
const (
	// buyerPiece is how many invoices are looked at together. buyerReads is how many of their
	// documents are read at the same time.
	buyerPiece = 100
	buyerReads = 8
	// buyerTime bounds one search. The next page goes on where the search stopped.
	buyerTime = 3 * time.Second
)

// buyerNIP returns a NIP in the form that documents have, which is ten digits. People also write a
// NIP with PL, blanks and hyphens.
func buyerNIP(s string) (nip string, is bool) {
	nip = strings.TrimPrefix(strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(s)), "PL")
	return nip, tenDigits.MatchString(nip)
}

var tenDigits = regexp.MustCompile(`^[0-9]{10}$`)

// search returns the newest of the window's invoices whose buyer has this NIP. unknown is how many
// of the invoices that it looked at have lost their document, and thus their buyer.
func (v *buyers) search(w inquiry.Window, nip string) (found inquiry.Found, unknown int64, err error) {
	done, err := v.p.searching(v.ctx())
	if err != nil {
		return found, 0, err
	}
	defer done()
	w.Limit, w.Until = buyerPiece, time.Now().Add(buyerTime)
	for {
		some, err := v.p.o.Inquiry.Latest(v.ctx(), w)
		if err != nil {
			return found, 0, err
		}
		mine, n, err := v.ofBuyer(v.ctx(), nip, some.Invoices)
		if err != nil {
			return found, 0, err
		}
		found.Invoices, unknown = append(found.Invoices, mine...), unknown+n
		found.Next, found.Read, found.Sick = some.Next, found.Read+some.Read, some.Sick
		if w.Before = some.Next; w.Before == (ledger.Place{}) || len(found.Invoices) >= pageSize || !time.Now().Before(w.Until) {
			return found, unknown, nil
		}
	}
}

// ofBuyer returns the invoices in invs whose buyer (Podmiot2) has this NIP. unknown is how many
// invoices in invs have no document any more.
func (v *buyers) ofBuyer(ctx context.Context, nip string, invs []ledger.Invoice) (mine []ledger.Invoice, unknown int64, err error) {
	docs := make([][]byte, len(invs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(buyerReads)
	for i := range invs {
		g.Go(func() (err error) {
			docs[i], err = v.documentOf(ctx, &invs[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	for i, doc := range docs {
		if doc == nil {
			unknown++
			continue
		}
		h, _ := invoice.ParseWith(doc, invoice.ParseOptions{MaxSize: int64(len(doc)) + 1, AllowDiscouraged: true}) // faults do not matter
		if h.BuyerNIP == nip {
			mine = append(mine, invs[i])
		}
	}
	return mine, unknown, nil
}

// documentOf returns the document of an invoice, or nil when it is not kept any more. For an
// invoice that KSeF has, it looks in the archive first.
func (v *buyers) documentOf(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	if inv.State.InKSeF() {
		doc, err := v.p.o.Records.Document(ctx, results.Of(*inv, v.p.o.Environment))
		if err == nil || !records.Missing(err) {
			return doc, err
		}
	}
	doc, err := v.p.o.Document(ctx, inv)
	if errors.Is(err, ledger.ErrNotFound) || records.Missing(err) {
		return nil, nil
	}
	return doc, err
}

// searching lets one search of the archive run at a time. done ends it.
func (p *Page) searching(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	select {
	case p.search <- struct{}{}:
		return func() { <-p.search }, nil
	case <-ctx.Done():
		return nil, &shown{http.StatusServiceUnavailable, "Another user's search of the archive is running. Try again in a moment.", nil}
	}
}
