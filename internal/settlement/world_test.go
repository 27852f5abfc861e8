package settlement

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// A world is a package, what the ledger has of it, and what is true of it at KSeF. What KSeF tells
// is drawn again for each run, and some of it is wrong or missing. The proofs use what is true
// in every run:
//
//   - an answer about a reference is about that invoice;
//   - a receipt names accepted content only;
//   - a name (P_2) may be lost or written differently, but it never becomes the name of another
//     invoice of ours;
//   - two answers about one invoice have the same ordinal in the session;
//   - the count of an online session may lag by one invoice. KSeF has given a reference for that
//     invoice, and the list of the session lacks it too. A count that lags is not zero. The other
//     invoices have other names than the invoice that lags. (So one case is never drawn. If another
//     invoice had the same name and code, the status of the invoice that lags would claim that
//     invoice's answer, unless KSeF number, ordinal or hash told the two apart.)
//   - a session that KSeF refused for a reason of its own accepted nothing. If a session that ended
//     in an error accepted something, its list, its counts or its receipt show that;
//   - if the receipt of a session that ended in an error is short, all answers in its list are
//     clear. (So one case is never drawn: the receipt is short, the counts of the session add up,
//     and an answer that has an owner is unclear. Then [account.covered] would ignore that answer,
//     and what the receipt lacks would count as refused.)
//   - an entry that cannot be read has a P_2 of its own;
//   - a KSeF number belongs to the seller that is in it.
type world struct {
	pkg     ledger.Package
	entries map[string]*ledger.Invoice // the ledger's, by id
	order   []string                   // ids of the readable entries, in the order of the package
	unread  []ledger.Unreadable
	gone    int // members without an entry
	truth   map[string]truth
	code    int // of the session
	now     time.Time
	lagging string // id of an invoice that neither count nor list have in this run
}

// truth is what KSeF has of an invoice. The zero value is nothing.
type truth struct {
	arrived bool
	code    int
	number  string
	ordinal int
}

const (
	seller = "5265877635"
	place  = "pkg-1" // the package
)

var began = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// ksefNumber returns a KSeF number of the seller with a right checksum.
func ksefNumber(n int) string {
	const hex = "0123456789ABCDEF"
	first := fmt.Sprintf("%s-20261126-%012X", seller, n)
	c := invoice.KsefChecksum(first)
	return first + "-" + string([]byte{hex[c>>4], hex[c&15]})
}

func (t truth) accepted() bool { return t.code == ksef.InvoiceAccepted }

var (
	finalCodes = []int{430, 450, 410, 415, 440, 405, 435, 500, 550, 999}
	names      = []string{"A", "A ", "B", "B  1", "B 1", "C", "D", "E"}
)

func drawWorld(t *rapid.T) *world {
	lane := rapid.SampledFrom([]ledger.Lane{ledger.Bulk, ledger.Express}).Draw(t, "lane")
	w := &world{entries: map[string]*ledger.Invoice{}, truth: map[string]truth{}, now: began}
	codes := []int{200, 200, 445, 500, 550, 999}
	if lane == ledger.Bulk {
		codes = append(codes, 405, 415, 420, 430, 435, 440)
	} else {
		codes = append(codes, 415, 440)
	}
	w.code = rapid.SampledFrom(codes).Draw(t, "session")
	w.pkg = ledger.Package{ID: place, Rev: 1, State: ledger.PackageProcessing, Lane: lane, Tenant: seller, Session: "S",
		OpenedAt: ledger.At(began.Add(-time.Hour)), ClosingAt: ledger.At(began.Add(-time.Minute)),
		Refusals: rapid.IntRange(0, 16).Draw(t, "refusals"), Unfinished: rapid.IntRange(0, 5).Draw(t, "unfinished") == 0}
	if rapid.Bool().Draw(t, "parent") {
		w.pkg.Parent = "pkg-0"
	}
	if rapid.IntRange(0, 4).Draw(t, "probe") == 0 {
		w.pkg.Rest = "pkg-2"
	}
	n := rapid.IntRange(1, 8).Draw(t, "invoices")
	w.pkg.Count = n
	for i := range n {
		w.drawInvoice(t, i, lane)
	}
	return w
}

func (w *world) drawInvoice(t *rapid.T, i int, lane ledger.Lane) {
	id := fmt.Sprint("inv-", i)
	switch rapid.IntRange(0, 14).Draw(t, "entry") {
	case 0: // the entry cannot be read, and no other invoice has its name
		opaque := rapid.Bool().Draw(t, "opaque")
		w.unread = append(w.unread, ledger.Unreadable{ID: id, State: string(ledger.Sent), Package: place, Opaque: opaque})
		w.truth[id] = w.drawTruth(t, i)
		return // see heal
	case 1:
		w.gone++
		return
	}
	states := []ledger.State{ledger.Sent}
	if lane == ledger.Express {
		states = []ledger.State{ledger.Sending, ledger.Unknown, ledger.Sent, ledger.Sent}
	}
	inv := &ledger.Invoice{
		Facts: ledger.Facts{
			ID: id, NIP: seller, Kind: "VAT", IssueDate: "2026-11-25",
			Attachment: lane == ledger.Bulk && rapid.IntRange(0, 3).Draw(t, "attachment") == 0,
		},
		Rev: 3, State: rapid.SampledFrom(states).Draw(t, "state"), Package: place, Session: "S",
		Number: rapid.SampledFrom(names).Draw(t, "number"), Hash: fmt.Sprint("hash-", i), Lane: lane,
		Resends:        rapid.IntRange(0, 3).Draw(t, "resends"),
		FailedSessions: rapid.IntRange(0, 2).Draw(t, "failed sessions"),
	}
	w.truth[id] = w.drawTruth(t, i)
	if lane == ledger.Express && inv.State == ledger.Sent && w.truth[id].arrived {
		inv.Reference = "ref-" + id
	}
	if rapid.IntRange(0, 11).Draw(t, "left") == 0 { // it was decided, or sent again, before
		inv.State, inv.Package = ledger.Queued, ""
		w.truth[id] = truth{}
	}
	w.entries[id] = inv
	w.order = append(w.order, id)
}

func (w *world) drawTruth(t *rapid.T, i int) truth {
	ordinal := i + 1
	kinds := []string{"accepted", "refused"}
	if w.pkg.Lane == ledger.Express {
		kinds = append(kinds, "never arrived")
	}
	if !mayAccept(w.code) {
		kinds = kinds[1:]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "truth") {
	case "accepted":
		return truth{arrived: true, code: 200, number: ksefNumber(i), ordinal: ordinal}
	case "refused":
		codes := finalCodes
		if w.code != 200 && w.code != 445 {
			codes = append([]int{405, 405, 405}, codes...)
		}
		return truth{arrived: true, code: rapid.SampledFrom(codes).Draw(t, "code"), ordinal: ordinal}
	}
	return truth{}
}

// heal makes the entries that could not be read readable from now on.
func (w *world) heal() {
	for _, u := range w.unread {
		w.entries[u.ID] = &ledger.Invoice{
			Facts: ledger.Facts{ID: u.ID, NIP: seller, Kind: "VAT", IssueDate: "2026-11-25"}, Rev: 3,
			State: ledger.Sent, Package: place, Session: "S", Number: "unread " + u.ID,
			Hash: "hash-" + u.ID[len("inv-"):], Lane: w.pkg.Lane,
		}
		w.order = append(w.order, u.ID)
	}
	w.unread = nil
}

// mayAccept reports whether a session of this code may have accepted invoices.
func mayAccept(code int) bool { return code == 200 || code == 500 || code == 550 || code == 999 }

// held returns what the ledger has at present, as a fresh read would.
func (w *world) held() Held {
	h := Held{Read: true, Members: len(w.order) + len(w.unread) + w.gone, Unread: w.unread}
	for _, id := range w.order {
		h.Invoices = append(h.Invoices, *w.entries[id])
	}
	return h
}

// session draws what KSeF says about the package's session in one run.
func (w *world) session(t *rapid.T) ksef.SessionInfo {
	s := ksef.SessionInfo{Status: ksef.StatusInfo{Code: w.code, Description: "it says so"}}
	w.lagging = ""
	arrived, accepted := 0, 0
	for _, tr := range w.truth {
		if tr.arrived {
			arrived++
		}
		if tr.accepted() {
			accepted++
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "counts") {
	case 0, 1:
		s.Counted, s.InvoiceCount, s.SuccessfulInvoiceCount, s.FailedInvoiceCount = true, arrived, accepted, arrived-accepted
	case 2: // successes are not counted
		s.Counted, s.InvoiceCount = true, arrived
		if arrived > 1 && rapid.Bool().Draw(t, "the count lags") {
			if w.pkg.Lane == ledger.Bulk {
				s.InvoiceCount--
			} else if w.lagging = w.referenced(t); w.lagging != "" {
				s.InvoiceCount--
			}
		}
	}
	return s
}

// referenced draws an invoice that the package holds, that KSeF has given a reference for, and that
// has a name of its own. It returns "" when there is none.
func (w *world) referenced(t *rapid.T) string {
	var ids []string
	for _, id := range w.order {
		if inv := w.entries[id]; inv.Reference != "" && holds(place, inv) && w.named(inv.Number) == 1 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return rapid.SampledFrom(ids).Draw(t, "lagging")
}

func (w *world) named(number string) int {
	n := 0
	for _, inv := range w.entries {
		if NormalName(inv.Number) == NormalName(number) {
			n++
		}
	}
	return n
}

// list draws what KSeF lists in one run; nil means no list. If unclear is false, no answer in the
// list is unreadable, still running or with an odd KSeF number.
func (w *world) list(t *rapid.T, unclear bool) []ksef.InvoiceInfo {
	if rapid.IntRange(0, 7).Draw(t, "no list") == 0 {
		return nil
	}
	honest := rapid.Bool().Draw(t, "an honest list")
	out := []ksef.InvoiceInfo{}
	for i := range w.pkg.Count {
		id := fmt.Sprint("inv-", i)
		tr := w.truth[id]
		if !tr.arrived || id == w.lagging {
			continue
		}
		info := ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: tr.code, Description: "it says so"}, Ordinal: tr.ordinal,
			KSeFNumber: tr.number, InvoiceNumber: "unread " + id}
		if inv := w.entries[id]; inv != nil {
			info.InvoiceNumber = inv.Number
		}
		if honest {
			out = append(out, info)
			continue
		}
		told := rapid.IntRange(0, 9).Draw(t, "told")
		if told >= 5 && told <= 7 && !unclear {
			continue
		}
		switch told {
		case 0:
			continue
		case 1:
			out = append(out, info)
		case 2:
			info.InvoiceNumber = NormalName(info.InvoiceNumber)
		case 3:
			info.InvoiceNumber = "rewritten"
		case 4:
			info.InvoiceNumber = ""
		case 5:
			info = ksef.InvoiceInfo{Unreadable: "no code", Ordinal: info.Ordinal, InvoiceNumber: info.InvoiceNumber}
		case 6:
			info.Status, info.KSeFNumber = ksef.StatusInfo{Code: 150}, ""
		case 7:
			if tr.accepted() {
				info.KSeFNumber = "odd"
			}
		}
		out = append(out, info)
	}
	return out
}

// receipt draws what KSeF gives as the session's receipt in one run. The result short says that
// lines of the receipt may be missing.
func (w *world) receipt(t *rapid.T) (own OwnReceipt, short bool) {
	own.Asked = true
	bent := rapid.IntRange(0, 5).Draw(t, "receipt")
	switch bent {
	case 0: // KSeF refuses the request for the receipt
		return own, false
	case 1:
		own.Err = errors.New("sick")
		return own, false
	}
	r := ksef.Receipt{Lines: map[string]ksef.ReceiptLine{}, ByHash: map[string]string{}}
	add := func(hash, number string) {
		r.Lines[invoice.CanonicalKsefNumber(number)], r.ByHash[hash] = ksef.ReceiptLine{Hash: hash, SellerNIP: seller}, number
	}
	for i := range w.pkg.Count {
		id := fmt.Sprint("inv-", i)
		if tr := w.truth[id]; tr.accepted() && (bent != 2 || rapid.Bool().Draw(t, "in the receipt")) {
			add("hash-"+id[len("inv-"):], tr.number)
		}
	}
	if bent == 3 {
		add("a stranger's", ksefNumber(1000))
	}
	own.Receipt = r
	return own, bent == 2
}

// status returns what KSeF says about a single send.
func (w *world) status(inv *ledger.Invoice) ksef.InvoiceInfo {
	tr := w.truth[inv.ID]
	return ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: tr.code, Description: "it says so"}, Ordinal: tr.ordinal,
		KSeFNumber: tr.number, InvoiceNumber: inv.Number}
}

// facts draws what KSeF tells in one run. If a session that ended in an error accepted something,
// that shows in one of the results.
func (w *world) facts(t *rapid.T) (session ksef.SessionInfo, list []ksef.InvoiceInfo, own OwnReceipt) {
	processed := w.code == 200 || w.code == 445
	session = w.session(t)
	own, short := w.receipt(t)
	list = w.list(t, processed || !short)
	if processed {
		return session, list, own
	}
	accepted, shown := 0, session.SuccessfulInvoiceCount > 0 || len(own.Receipt.Lines) > 0 || own.Err != nil
	for _, tr := range w.truth {
		if tr.accepted() {
			accepted++
		}
	}
	for _, info := range list {
		shown = shown || info.Unreadable == "" && info.Status.Done()
	}
	if accepted > 0 && !shown {
		session.SuccessfulInvoiceCount = accepted
	}
	return session, list, own
}

// honest returns the list and the receipt complete and true, and sets the true counts in session.
// It also gives each listed invoice a number that no other invoice has.
func (w *world) honest(session *ksef.SessionInfo) (list []ksef.InvoiceInfo, own OwnReceipt) {
	list, own = []ksef.InvoiceInfo{}, OwnReceipt{Asked: true}
	r := ksef.Receipt{Lines: map[string]ksef.ReceiptLine{}, ByHash: map[string]string{}}
	*session = ksef.SessionInfo{Status: session.Status, Counted: true}
	for i := range w.pkg.Count {
		id := fmt.Sprint("inv-", i)
		tr, inv := w.truth[id], w.entries[id]
		if !tr.arrived || inv == nil {
			continue
		}
		inv.Number = fmt.Sprint("N/", i)
		session.InvoiceCount++
		list = append(list, w.status(inv))
		if tr.accepted() {
			session.SuccessfulInvoiceCount++
			r.Lines[tr.number], r.ByHash[inv.Hash] = ksef.ReceiptLine{Hash: inv.Hash, SellerNIP: seller}, tr.number
		}
	}
	session.FailedInvoiceCount = session.InvoiceCount - session.SuccessfulInvoiceCount
	if len(r.Lines) > 0 {
		own.Receipt = r
	}
	return list, own
}
