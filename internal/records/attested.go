package records

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"path"
	"slices"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/plural"
	"ksefworker/internal/results"
)

// The archive may have lost the ZIP of a package together with its index. Then no index names its
// invoices, and only their receipts tell that the archive had them. So EachWithin, which reads all
// invoices of some days, compares what it has read with the receipts that may list such invoices.

// Attested is an invoice that a receipt of the archive lists, and whose result the archive does not
// have.
type Attested struct {
	KsefNumber string
	SellerNIP  string
	IssueDate  string // P_1; "" when the receipt does not say it
	Session    string
	Receipt    string // its name in the archive
	// Document is the name of its document in the archive; "" when the archive does not have the
	// document. The document has the hash that the receipt lists (SkrotDokumentu), so the two
	// belong together.
	Document string

	line ksef.ReceiptLine
}

// String says for people what the archive has of the invoice, without the KSeF number.
func (a Attested) String() string {
	has := "its receipt (UPO) is here, its document is not"
	if a.Document != "" {
		has = fmt.Sprintf("its receipt (UPO) and its document are here, its result %s is missing or damaged", a.ResultName())
	}
	return fmt.Sprintf("%s: session %s, receipt %s", has, cmp.Or(a.Session, "unknown"), a.Receipt)
}

// Numbers is a set of KSeF numbers, in any spelling. It keeps eight bytes of each.
type Numbers map[uint64]struct{}

var numberSeed = maphash.MakeSeed()

// Add adds a number. It ignores "".
func (n Numbers) Add(ksefNumber string) {
	if ksefNumber != "" {
		n[hashOf(ksefNumber)] = struct{}{}
	}
}

func hashOf(ksefNumber string) uint64 {
	return maphash.String(numberSeed, invoice.CanonicalKsefNumber(ksefNumber))
}

// Has reports whether the set has a number.
func (n Numbers) Has(ksefNumber string) bool {
	_, has := n[hashOf(ksefNumber)]
	return has
}

// met is what a reader has met of the invoices of some months.
type met struct {
	// invoices has what is known of each invoice, by the hash of its number.
	invoices map[uint64]metInvoice
	// receipts has the receipts that results name, by their names in the archive.
	receipts map[string]*namedReceipt
}

// metInvoice is what a receipt is compared with.
type metInvoice struct {
	receipt  int32  // the place of the receipt that the result names, 0 for none
	document uint32 // a part of the hash of SkrotDokumentu
	indexed  bool   // only an index names the invoice, because its ZIP cannot be read
}

// namedReceipt is a receipt that results name.
type namedReceipt struct {
	place    int32 // counted from 1, in the order in which the receipts were met
	invoices int   // that name it
	// own is false if only recovered invoices name the receipt. In that case another program may
	// have sent the session, see [Reader.Unsure].
	own bool
}

func newMet() *met {
	return &met{invoices: map[uint64]metInvoice{}, receipts: map[string]*namedReceipt{}}
}

func (m *met) add(r *results.Result) {
	of := &namedReceipt{}
	if name, ok := receiptName(r.UPO); ok {
		if of = m.receipts[name]; of == nil {
			of = &namedReceipt{place: int32(len(m.receipts)) + 1}
			m.receipts[name] = of
		}
		of.own = of.own || !r.Recovered
	}
	if r.KsefNumber != "" && !m.has(r.KsefNumber) {
		m.invoices[hashOf(r.KsefNumber)] = metInvoice{receipt: of.place, document: documentOf(r.Hash)}
		of.invoices++
	}
}

func (m *met) has(ksefNumber string) bool {
	_, has := m.invoices[hashOf(ksefNumber)]
	return has
}

// hasResult reports whether a result of an invoice was met, and not only a line of an index.
func (m *met) hasResult(ksefNumber string) bool {
	of, has := m.invoices[hashOf(ksefNumber)]
	return has && !of.indexed
}

func documentOf(hash string) uint32 { return uint32(maphash.String(numberSeed, hash)) }

// addIndexed adds the invoices that the indexes of a place name. So an invoice in a ZIP that cannot
// be read does not count as lacking. The ZIP itself was reported when it could not be read.
func (m *met) addIndexed(ctx context.Context, r *Reader, p Place) error {
	_, err := r.store().Search(ctx, p.bundles(), bundle.Query{Match: func(l *bundle.Line) bool {
		if l.KsefNumber != "" && !m.has(l.KsefNumber) {
			m.invoices[hashOf(l.KsefNumber)] = metInvoice{indexed: true}
		}
		return false
	}}, func(bundle.Line) error { return nil }, nil)
	return err
}

// unmet calls lacks once with each invoice of the dates that a receipt lists and that was not met.
// If another program may have sent the session of the receipt, unmet calls r.Unsure once for the
// receipt, and calls lacks only with the invoices whose documents are here.
//
// unmet reads each receipt of the months of the dates, and of the month after them, once. One
// receipt is in memory at a time. unmet reports a receipt as damaged if it does not list every met
// invoice whose result names it, or lists one of them with another SkrotDokumentu than the result
// has.
func (r *Reader) unmet(ctx context.Context, w Within, places []Place, m *met, lacks func(Attested)) error {
	told, documents := Numbers{}, newDocumentFinder(&Reader{Store: r.store()}) // what is damaged was reported
	for _, p := range places {
		if !w.mayAttest(p) {
			continue
		}
		var failed error
		err := r.eachReceipt(ctx, p, nil, func(name string, receipt ksef.Receipt) {
			of := m.receipts[name]
			others, listed := 0, 0
			var changed []string
			for _, number := range slices.Sorted(maps.Keys(receipt.Lines)) {
				l := receipt.Lines[number]
				have, here := m.invoices[hashOf(number)]
				if of != nil && here && have.receipt == of.place {
					listed++
					if have.document != documentOf(l.Hash) {
						changed = append(changed, number)
					}
				}
				if !w.hasDay(l.IssueDate) || here || told.Has(number) {
					continue
				}
				told.Add(number)
				a := attestedBy(name, &receipt, number)
				if failed == nil {
					failed = documents.find(ctx, &a, false)
				}
				if of != nil && !of.own && a.Document == "" {
					others++
				} else if failed == nil {
					lacks(a)
				}
			}
			r.unsure(name, others)
			if of != nil && of.invoices > listed {
				r.unread(name, fmt.Errorf("%w: it does not list %s", archive.ErrCorrupt,
					plural.Of(of.invoices-listed, "invoice whose result names it", "invoices whose results name it")))
			}
			if len(changed) > 0 {
				r.unread(name, fmt.Errorf("%w: it or a result is wrong, because it lists %s with another SkrotDokumentu, first %s",
					archive.ErrCorrupt, plural.Of(len(changed), "invoice", "invoices"), changed[0]))
			}
		})
		if err = cmp.Or(err, failed); err != nil {
			return err
		}
	}
	return m.missingReceipts(ctx, r)
}

// missingReceipts reports the receipts that results name and that the archive does not have. It
// looks at the lists of folders only.
func (m *met) missingReceipts(ctx context.Context, r *Reader) error {
	listed := map[string][]string{} // by folder
	for _, name := range slices.Sorted(maps.Keys(m.receipts)) {
		folder := path.Dir(name)
		have, known := listed[folder]
		if !known {
			var err error
			if have, err = listOf(ctx, r, folder); err != nil {
				return err
			}
			listed[folder] = have
		}
		if !slices.ContainsFunc(have, func(other string) bool { return archive.WithoutCopy(other) == archive.WithoutCopy(name) }) {
			r.unread(name, fmt.Errorf("%w, and results name it as their receipt (UPO)", archive.ErrNotFound))
		}
	}
	return nil
}

func (r *Reader) unsure(receipt string, lacking int) {
	if r.Unsure != nil && lacking > 0 {
		r.Unsure(receipt, lacking)
	}
}

func attestedBy(name string, receipt *ksef.Receipt, number string) Attested {
	l := receipt.Lines[number]
	return Attested{KsefNumber: number, SellerNIP: l.SellerNIP, IssueDate: l.IssueDate, Session: receipt.Session, Receipt: name, line: l}
}

// mayAttest reports whether a place may have receipts of invoices of these dates. These are the
// receipts of sessions of the same months, and of the month that follows them.
func (w Within) mayAttest(p Place) bool {
	if p.Month < monthOf(w.From) {
		return false
	}
	last, err := time.Parse("2006-01", monthOf(w.To))
	return err != nil || p.Month <= last.AddDate(0, 1, 0).Format("2006-01")
}

// hasDay reports whether a day is within the dates. It returns false for "", a day that is not
// known.
func (w Within) hasDay(day string) bool {
	return day != "" && day >= w.From && (w.To == "" || day <= w.To)
}
