package settlement

import (
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
)

// KSeF's register lists invoices by time and as a rule cannot be asked for a single one. So all
// invoices of a package are looked for in one pass. An original of equal content has the same P_1,
// and KSeF takes no invoice before the day of its P_1. So the pass begins on the earliest P_1 of
// the package and goes on to the present. Its place is written into the package after each page,
// because the request limits interrupt it. The gateway's metadata has no hash. It has the KSeF
// number, and the document of that number is the proof. KSeF's own API gives the hash, which is a
// proof at once. This API can also filter by an invoice's number, so a few invoices are asked for
// one by one (see [ByNumber]).
//
// The register answers one part at a time, such as what the taxpayer sold, or what it bought and
// billed itself (see [Subjects]). A package with invoices of several parts needs a pass for each
// part. The passes come one after the other, so the package has to remember the place of only one.

const (
	registerPage = numbers.MaxMetadataPage
	registerSpan = 80 * 24 * time.Hour // of one request; KSeF takes three months, which are at least 89 days
	registerMax  = 400                 // pages for one package: 100,000 invoices, twenty hours of the limit
	// registerDelay is the longest time from the close of an invoice's package until the register
	// lists the invoice.
	registerDelay = time.Hour
	// passRest is the pause after a pass that broke off or did not find everything. The pause is
	// doubled each time up to passRestMax, because a pass costs at least one of the register's 20
	// requests an hour.
	passRest    = 15 * time.Second
	passRestMax = time.Hour
)

// Subjects returns the parts of the register, in the order in which they are searched.
func Subjects() []ksef.SubjectType {
	return []ksef.SubjectType{ksef.Subject1, ksef.Subject2, ksef.Subject3, ksef.SubjectAuthorized}
}

// NewPass reports whether the place that the package remembers belongs to a pass through another
// part of the register than the part as. Then the caller has to forget that place. A place without
// a part is of Subject1.
func NewPass(p ledger.Package, as ksef.SubjectType) bool {
	return p.SearchAs != string(as) && (p.SearchAs != "" || as != ksef.Subject1)
}

// PassFrom returns the time at which the pass has to begin. It returns the zero time when the pass
// goes on from its place. A pass that has begun must begin again if an invoice of an earlier day
// was added to the search meanwhile. want must not be empty.
func PassFrom(p ledger.Package, want []*ledger.Invoice) (from time.Time, err error) {
	first, err := firstDay(want)
	if err != nil || p.SearchFrom != 0 && (p.SearchFirst == 0 || !first.Before(p.SearchFirst.Time())) {
		return time.Time{}, err
	}
	return first, nil
}

// NextPage returns the request for the next page of the register. from is where the pass stands. If
// rest is not nil, the pass has to rest first. done says that the package has read as many pages as
// it may.
func NextPage(p ledger.Package, as ksef.SubjectType, n int, from, now time.Time) (req ksef.MetadataRequest, rest *Wait, done bool) {
	if now.Before(p.NextPass.Time()) {
		return req, NotFoundYet(p.NextPass.Time().Sub(now), n), false
	}
	if p.Searched >= registerMax {
		return req, nil, true
	}
	if from.After(now) {
		from = now
	}
	to := from.Add(registerSpan)
	if to.After(now) {
		to = now
	}
	return ksef.MetadataRequest{
		SubjectType: as, Range: ksef.Between(from, to), PageOffset: p.SearchPage, PageSize: registerPage, SortAsc: true,
	}, nil, false
}

// NotFoundYet returns the wait of a pass that rests for d, with n invoices still wanted.
func NotFoundYet(d time.Duration, n int) *Wait {
	return &Wait{Delay: d, Reason: retry.ReasonProcessing,
		What: plural.Of(n, "invoice has", "invoices have") + " not been found in KSeF's register yet"}
}

// firstDay returns the beginning of the earliest P_1 in Warsaw.
func firstDay(invs []*ledger.Invoice) (time.Time, error) {
	first := invs[0].IssueDate
	for _, inv := range invs {
		first = min(first, inv.IssueDate)
	}
	return time.ParseInLocation(time.DateOnly, first, invoice.Warsaw())
}

// Found returns a move for each wanted invoice that a page of the register lists; left are the
// other wanted invoices. If the register tells an equal hash, KSeF has this very document, and the
// move accepts the invoice. Otherwise the move notes the KSeF number of the original.
func Found(want []*ledger.Invoice, page []ksef.Metadata) (found []Move, left []*ledger.Invoice) {
	byNumber := make(map[string][]ksef.Metadata, len(page))
	for _, m := range page {
		n := NormalName(m.InvoiceNumber)
		byNumber[n] = append(byNumber[n], m)
	}
	for _, inv := range want {
		original, proven := Original{By: ByRegister}, (*Move)(nil)
		for _, m := range byNumber[NormalName(inv.Number)] {
			switch {
			case !describes(m, inv):
			case m.Hash != "" && m.Hash == inv.Hash:
				proven = recovered(inv, m.KSeFNumber, Acceptance{At: m.AcquisitionDate.Time})
			default:
				original.Number, original.At = m.KSeFNumber, m.AcquisitionDate.Time
			}
		}
		switch {
		case proven != nil:
			found = append(found, *proven)
		case original.Number != "":
			found = append(found, Move{Invoice: inv, Fate: LookUp, Original: original})
		default:
			left = append(left, inv)
		}
	}
	return found, left
}

// describes reports whether a line of the register has the seller and kind of an invoice. The
// gateway may write the seller as an object and the kind as KorZal where the document says KOR_ZAL,
// or leave either out.
func describes(m ksef.Metadata, inv *ledger.Invoice) bool {
	plain := func(kind string) string { return strings.ToUpper(strings.ReplaceAll(kind, "_", "")) }
	return wrongNumber(inv, m.KSeFNumber) == "" && (m.Seller.Identifier == "" || strings.Contains(m.Seller.Identifier, inv.NIP)) &&
		(m.InvoiceType == "" || plain(m.InvoiceType) == plain(inv.Kind))
}

// Step is how a pass goes on after a page. It goes on at From and page Offset. A pass that has come
// to the present ends. Another one begins after Rest, unless GiveUp is set.
type Step struct {
	From   time.Time
	Offset int
	Rest   time.Duration
	GiveUp bool
}

// AfterPage tells how the pass goes on after the page that req asked for at now, if invoices are
// still wanted.
func AfterPage(p ledger.Package, req ksef.MetadataRequest, page ksef.MetadataPage, now time.Time) Step {
	from, to := req.Range.From.Time, req.Range.To.Time
	next, offset := onwards(from, to, req.PageOffset, page)
	if !next.Equal(to) || !to.Equal(now) {
		return Step{From: next, Offset: offset}
	}
	// Everything in the register was seen.
	rest, giveUp := RestAfterSearch(p, now)
	return Step{Rest: rest, GiveUp: giveUp}
}

// PassRest returns the pause after this many passes. It doubles with each pass.
func PassRest(passes int) time.Duration { return min(passRest<<min(passes, 10), passRestMax) }

// NotFound parks an invoice that the register does not list.
func NotFound(inv *ledger.Invoice) Move {
	return parked(inv, inv.Code, "KSeF's register does not list it", notFoundReason(inv))
}

// onwards tells where the pass goes on after a page. If KSeF cut what it found at 10,000 invoices,
// the pass goes on at the time of the last of them. Otherwise it goes on with the next page. When
// everything before the time to was seen, the pass goes on at that time.
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
		return from.Add(time.Millisecond), 0 // KSeF lists only ten thousand of one instant, so the others of that instant are passed over
	}
	return to, 0
}
