package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// InvoiceBook gives package ministry the invoices in their sessions, in their receipts, and in the
// register.
type InvoiceBook struct{ SessionBook }

// Invoices returns the invoices of the Ministry's API, and the register, which both faces share.
func (f Face) Invoices() InvoiceBook { return InvoiceBook{f.Sessions()} }

// Invoice is an invoice of a session as a client sees it now, with what faults have changed in it.
type Invoice struct {
	Ordinal                       int
	Reference, Number, KsefNumber string
	File                          string // in the package; "" for an online invoice
	Hash                          [32]byte
	Sent                          time.Time
	Acquired, Stored              time.Time // zero while they are not known
	Offline                       bool
	Code                          int
	Description, Details          string
	OriginalSession, Original     string // of a duplicate
	// Odd names the fields that a fault writes in forms outside the contract. The names are date,
	// number, ordinal, code, extensions-object and extensions-map.
	Odd []string
}

// invoice returns the answer about an invoice. It reports false when a fault leaves it out. The
// caller holds mu.
func (f InvoiceBook) invoice(on string, sess *session, o *outcome) (v Invoice, there bool) {
	i, odd, there := f.s.alter(on, sess, o, f.s.info(sess, o))
	v = Invoice{
		Ordinal: i.Ordinal, Reference: o.id, Number: i.Number, KsefNumber: i.KsefNumber, File: o.file, Hash: o.hash, Sent: o.sent,
		Offline: i.Mode == "offline", Code: i.Status.Code, Description: i.Status.Description, Details: i.Status.Details, Odd: odd,
	}
	if a := o.accepted; a != nil && i.Acquisition != "" {
		v.Acquired, v.Stored = a.at, a.at.Add(time.Second)
	}
	for _, e := range i.Status.Extensions {
		switch e.Key {
		case "originalSessionReferenceNumber":
			v.OriginalSession = e.Value
		case "originalKsefNumber":
			v.Original = e.Value
		}
	}
	return v, there
}

// Page lists at most n invoices of a session for which match returns true. The page begins at the
// index from, and the next page at the index next. At the end, next is 0. A batch session has no
// invoices before its package is unpacked.
func (f InvoiceBook) Page(
	account Account, session string, from, n int, match func(Invoice) bool,
) (list []Invoice, next int, refused *Refusal) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	sess, no := f.own(account, session)
	if no != nil {
		return nil, 0, exported(no)
	}
	if sess.lane == laneBatch && f.s.status(sess) == 100 {
		return nil, 0, nil
	}
	for next = max(from, 0); next < len(sess.invoices) && len(list) < n; next++ {
		if v, there := f.invoice(opInvoices, sess, sess.invoices[next]); there && (match == nil || match(v)) {
			list = append(list, v)
		}
	}
	if next >= len(sess.invoices) {
		next = 0
	}
	return list, next, nil
}

// One returns one invoice of a session by its reference.
func (f InvoiceBook) One(account Account, session, reference string) (Invoice, *Refusal) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	sess, refused := f.own(account, session)
	if refused != nil {
		return Invoice{}, exported(refused)
	}
	visible := sess.lane == laneOnline || f.s.status(sess) != 100
	for _, o := range sess.invoices {
		if visible && o.id == reference {
			v, _ := f.invoice(opInvoiceStatus, sess, o)
			return v, nil
		}
	}
	return Invoice{}, exported(badInput("invoiceReferenceNumber: %s is not in session %s", reference, session))
}

// Receipt returns the UPO of a session.
func (f InvoiceBook) Receipt(account Account, session string) ([]byte, *Refusal) {
	f.s.mu.Lock()
	sess, refused := f.own(account, session)
	if refused == nil && f.s.status(sess) != 200 {
		refused = noReceipt(session)
	}
	f.s.mu.Unlock() // a session at 200 never changes
	if refused != nil {
		return nil, exported(refused)
	}
	return written(f.s.receipt(sess))
}

// ReceiptOf returns the UPO of the first accepted invoice for which match returns true. The UPO
// exists as soon as the invoice has its number.
func (f InvoiceBook) ReceiptOf(account Account, session string, match func(Invoice) bool) ([]byte, *Refusal) {
	f.s.mu.Lock()
	sess, refused := f.own(account, session)
	var found *accepted
	if refused == nil {
		for _, o := range sess.invoices {
			if v, _ := f.invoice(opInvoiceUPO, sess, o); v.Code == 200 && o.accepted != nil && match(v) {
				found = o.accepted
				break
			}
		}
	}
	f.s.mu.Unlock()
	if found == nil {
		return nil, exported(noReceipt(session))
	}
	return written(f.s.receiptOf(sess, []*accepted{found}))
}

const opInvoiceUPO = OpInvoiceUPO

func written(body []byte, err error) ([]byte, *Refusal) {
	if err != nil {
		return nil, &Refusal{Status: http.StatusInternalServerError, Code: 500, Description: "Internal Server Error", Details: err.Error()}
	}
	return body, nil
}

func noReceipt(session string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: codeNoReceipt, description: "Nie znaleziono UPO dla podanych kryteriów.",
		details: fmt.Sprintf("Sesja %s nie ma UPO.", session),
	}
}

// Document returns the bytes of an invoice by its KSeF number, to a taxpayer who may read it.
func (f InvoiceBook) Document(account Account, ksefNumber string) ([]byte, *Refusal) {
	answer, refused := f.s.invoiceGet(&call{account: account, values: []string{ksefNumber}})
	if refused != nil {
		return nil, exported(refused)
	}
	return answer.body, nil
}

// Record is an invoice in KSeF's register, with what faults have changed in it.
type Record struct {
	KsefNumber, Number, Kind, Issued         string
	SellerNIP, Seller, BuyerNIP, Buyer       string
	AgentNIP, Currency, SystemCode           string
	Net, VAT, Gross                          float64
	Offline, SelfBilled, Attachment, Omitted bool // Omitted: a fault leaves it out of the answer
	Hash                                     [32]byte
	Corrects                                 []byte // nil when the invoice is not a technical correction
	Sent, Acquired, Stored                   time.Time
}

// Register lists the invoices that a taxpayer sees in a role (Subject1, Subject2,
// SubjectAuthorized), in the order of acceptance. Third parties are not modelled and see no
// invoices. match gets a record as the books have it. Faults then change the record that is
// returned.
func (f InvoiceBook) Register(nip, role string, match func(Record) bool) []Record {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Record
	for _, a := range s.accepted {
		party := map[string]string{"Subject1": a.NIP, "Subject2": a.BuyerNIP, "SubjectAuthorized": a.AgentNIP}[role]
		if party == "" || party != nip || !s.shown(a) {
			continue
		}
		r := Record{
			KsefNumber: a.ksefNumber, Number: a.Number, Kind: a.Kind, Issued: a.Issued, SellerNIP: a.NIP, Seller: a.Seller,
			BuyerNIP: a.BuyerNIP, Buyer: a.Buyer, AgentNIP: a.AgentNIP, Currency: a.Currency, SystemCode: a.session.form.SystemCode,
			Net: float64(a.Net) / 100, VAT: float64(a.VAT) / 100, Gross: float64(a.Gross) / 100,
			Offline: a.mode == "offline", SelfBilled: a.SelfBilled, Attachment: a.Attachment, Hash: a.hash, Corrects: a.corrects,
			Sent: a.sent, Acquired: a.at, Stored: a.at.Add(time.Second),
		}
		if match(r) {
			r.Omitted = !s.alterNumbers(opMetadata, ListOmit, a, &r.Number, &r.KsefNumber)
			all = append(all, r)
		}
	}
	return all
}
