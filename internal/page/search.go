package page

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// question is what somebody looks for among the invoices.
type question struct {
	Text     string // a number or a part of one, a KSeF number, a ref, an id, a seller's NIP
	State    string
	Tenant   string
	From, To string // days, both included
	By       string // which date From and To are about: issued or changed
	Buyer    string // NIP of the buyer, which only the documents have
	Unseen   bool   // only open items that nobody has marked as seen
	before   ledger.Place
}

// invoicesPage is an answer to a question.
type invoicesPage struct {
	Q        question
	States   []string
	Found    []results.Result
	Refused  []refusedDoc // documents that were not taken in
	Next     string       // address of the older invoices; "" when there are none
	Back     time.Time    // how far back the search went, when there may be more
	Searched int
	Unread   []string // ids of invoices with this number, id or ref whose entries cannot be read
	Sick     []string // keys that cannot be read, so something may be missing here
	Unknown  int64    // invoices whose document and thus buyer is not known
}

// Export is the address of all that is found, as a file of this form.
func (d invoicesPage) Export(form string) string {
	q := url.Values{"q": {d.Q.Text}, "state": {d.Q.State}, "tenant": {d.Q.Tenant}, "from": {d.Q.From}, "to": {d.Q.To},
		"by": {d.Q.By}, "buyer": {d.Q.Buyer}}
	return "/invoices." + form + "?" + q.Encode()
}

const (
	pageSize = 50
	// issued and changed say which date the days of a question are about: the issue date (P_1), or
	// the last change.
	issued, changed = "issued", "changed"
	// searchScan and searchTime bound what one search reads.
	searchScan = 20_000
	searchTime = 200 * time.Millisecond
)

func (v *listing) question() (question, error) {
	get := func(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }
	q := question{Text: shortened(get("q"), 300), State: get("state"), Tenant: get("tenant"), From: get("from"), To: get("to"),
		By: get("by"), Unseen: get("seen") == "no"}
	bad := func() (question, error) {
		return q, &shown{http.StatusBadRequest, "This address has a value that can't be used. Begin again at Invoices.", nil}
	}
	if q.State != "" && !slices.Contains(ledger.States(), ledger.State(q.State)) {
		return bad()
	}
	for _, day := range []string{q.From, q.To} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return bad()
		}
	}
	switch {
	case q.By == "" && q.From+q.To == "": // what the form begins with
		q.By = issued
	case q.By == "":
		q.By = changed
	case q.By != issued && q.By != changed:
		return bad()
	}
	if q.Tenant != "" && !v.sees(q.Tenant) {
		return q, missing
	}
	if buyer := get("buyer"); buyer != "" {
		var ok bool
		if q.Buyer, ok = buyerNIP(buyer); !ok {
			return q, &shown{http.StatusBadRequest, "A NIP has ten digits. Go back and correct the buyer's.", nil}
		}
	}
	if at := get("before"); at != "" {
		var ok bool
		if q.before, ok = placeOf(at); !ok {
			return bad()
		}
	}
	return q, nil
}

func placeText(p ledger.Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(int64(p.At), 10) + " " + p.ID))
}

func placeOf(s string) (ledger.Place, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	at, id, found := strings.Cut(string(raw), " ")
	n, bad := strconv.ParseInt(at, 10, 64)
	return ledger.Place{At: ledger.Millis(n), ID: id}, err == nil && found && bad == nil && n > 0 && len(id) < 100
}

// wants reports whether the visitor may see an invoice and the invoice has the tenant, the state
// and the issue date that the question asks for.
func (v *searches) wants(q *question, inv *ledger.Invoice) bool {
	return v.sees(inv.Tenant) && (q.Tenant == "" || q.Tenant == inv.Tenant) && (q.State == "" || q.State == string(inv.State)) &&
		(q.By != issued || q.From <= inv.IssueDate && (q.To == "" || inv.IssueDate <= q.To))
}

// has reports whether a text is part of an invoice's number, KSeF number or ref, or equals the
// invoice's id or NIP. text is in lower case.
func has(inv *ledger.Invoice, text string) bool {
	for _, name := range []string{inv.Number, inv.KsefNumber, inv.Ref} {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return inv.ID == text || inv.NIP == text
}

// window is the part of a question that the index of last changes answers.
func (v *searches) window(q *question) inquiry.Window {
	w := inquiry.Window{Before: q.before, Limit: pageSize, Scan: searchScan, Until: time.Now().Add(searchTime)}
	if q.State != "" {
		w.States = []ledger.State{ledger.State(q.State)}
	}
	text := strings.ToLower(q.Text)
	w.Match = func(inv *ledger.Invoice) bool { return v.wants(q, inv) && (text == "" || has(inv, text)) }
	w.From, _ = time.ParseInLocation(time.DateOnly, q.From, invoice.Warsaw())
	if q.By == issued {
		// An invoice is not taken in before its issue date, so its last change is on that date or
		// later.
		if !w.From.IsZero() {
			w.From = w.From.AddDate(0, 0, -1)
		}
	} else if day, err := time.ParseInLocation(time.DateOnly, q.To, invoice.Warsaw()); err == nil {
		w.To = day.AddDate(0, 0, 1)
	}
	if number, err := invoice.ParseKsefNumber(q.Text); err == nil && len(w.States) == 0 {
		w.States = []ledger.State{ledger.Accepted, ledger.Receipted}
		w.Match = func(inv *ledger.Invoice) bool {
			return v.wants(q, inv) && invoice.CanonicalKsefNumber(inv.KsefNumber) == number.Canonical()
		}
		// A KSeF number contains the day of the acceptance, and the entry was last changed on that
		// day or later.
		if day, err := time.ParseInLocation(time.DateOnly, number.Date, invoice.Warsaw()); err == nil && w.From.IsZero() {
			w.From = day.AddDate(0, 0, -1)
		}
	}
	return w
}

func (v *searches) invoices() error {
	v.here = "invoices"
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	d := invoicesPage{Q: q}
	for _, s := range ledger.States() {
		d.States = append(d.States, string(s))
	}
	var exact []ledger.Invoice
	if q.Text != "" && q.before == (ledger.Place{}) {
		if exact, d.Unread, d.Sick, err = v.named(&q); err != nil {
			return err
		}
		d.Refused, err = v.refusedNamed(&q)
		sick, err := ledger.Skip(err)
		if err != nil {
			return err
		}
		for _, u := range sick {
			d.Sick = append(d.Sick, u.Key)
		}
	}
	found := inquiry.Found{Invoices: exact}
	switch {
	case len(exact) > 0 && q.Buyer != "":
		found.Invoices, d.Unknown, err = v.buyers.ofBuyer(v.ctx(), q.Buyer, exact)
	case len(exact) > 0:
	case q.Buyer != "":
		found, d.Unknown, err = v.buyers.search(v.window(&q), q.Buyer)
	default:
		found, err = v.p.o.Inquiry.Latest(v.ctx(), v.window(&q))
	}
	if err != nil {
		return err
	}
	if d.Found, err = v.p.o.Inquiry.Results(v.ctx(), found.Invoices); err != nil {
		return err
	}
	d.Searched, d.Sick = found.Read, append(d.Sick, found.Sick...)
	if found.Next != (ledger.Place{}) {
		d.Next = v.listing.older(found.Next, slices.ContainsFunc(found.Invoices, func(inv ledger.Invoice) bool {
			return inv.ID == found.Next.ID
		}))
		if len(found.Invoices) < pageSize {
			d.Back = found.Next.At.Time()
		}
	}
	return v.render(http.StatusOK, "invoices", v.T("Invoices"), d)
}

// notWhole returns the error for an export that would lack the invoices in these keys, because the
// keys can't be read.
func notWhole(keys []string) *shown {
	return &shown{http.StatusServiceUnavailable, "This list would not be whole: %s can't be read. Tell whoever looks after the program.",
		[]any{strings.Join(keys, ", ")}}
}

// older returns the address of the page that begins after a place. own says that the invoice at
// that place is shown on the present page. Otherwise the visitor may not be allowed to see that
// invoice, so the address has only the beginning of its id. At worst, invoices of the same instant
// are shown again.
func (v *listing) older(at ledger.Place, own bool) string {
	if !own {
		at.ID = shortened(at.ID, len("inv-")+3) + "~" // sorts after every character of an id
	}
	q := url.Values{}
	for name, values := range v.r.URL.Query() {
		if len(values) > 0 && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	q.Set("before", placeText(at))
	return v.r.URL.Path + "?" + q.Encode()
}

// named returns the invoices with exactly this number, id or ref that match the rest of the
// question. unread has the ids of those that cannot be read, as far as the visitor may know of
// them. sick has the keys that may name more such invoices and cannot be read.
func (v *searches) named(q *question) (invs []ledger.Invoice, unread, sick []string, err error) {
	found, err := v.p.o.Inquiry.Find(v.ctx(), q.Text, v.User.Tenants...)
	bad, err := ledger.Skip(err)
	if err != nil {
		return nil, nil, nil, err
	}
	if names := v.names(); len(names) > 0 {
		more, err := v.p.o.Inquiry.FindRef(v.ctx(), q.Text, names...)
		others, err := ledger.Skip(err)
		if err != nil {
			return nil, nil, nil, err
		}
		found, bad = append(found, more...), append(bad, others...)
	}
	for i := range bad {
		if bad[i].Shared() {
			sick = append(sick, bad[i].Key)
		} else if v.sees(bad[i].Tenant) && !slices.Contains(unread, bad[i].ID) {
			unread = append(unread, bad[i].ID)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(inv ledger.Invoice) bool {
		twice := seen[inv.ID]
		seen[inv.ID] = true
		return twice || !v.wants(q, &inv)
	}), unread, sick, nil
}
