package simulator

import (
	"encoding/hex"
	"time"
)

// outcome is the state and the result of one invoice in a session.
type outcome struct {
	ordinal int
	id      string // reference number; "" in a gateway's batch session, because the gateway gives none there
	sent    time.Time

	nip, kind, number string   // as far as they could be read
	hash              [32]byte // of the document; before decryption, as the sender declared it
	file              string   // its name in the package
	offline           bool     // declared for this invoice alone
	corrects          []byte   // hash of the refused invoice that this one corrects technically; nil for none

	code       int
	details    string
	extensions []extension
	accepted   *accepted // when code is 200
	hideNumber bool      // by a fault
}

// statusInfo is StatusInfo of the contract.
type statusInfo struct {
	Code        int         `json:"code"`
	Description string      `json:"description"`
	Details     string      `json:"details,omitempty"`
	Extensions  []extension `json:"extensions,omitempty"`
}

type extension struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// invoiceInfo is InvoiceInfo of the contract.
type invoiceInfo struct {
	Status      statusInfo `json:"status"`
	Ordinal     int        `json:"ordinal,omitempty"`
	Number      string     `json:"invoiceNumber,omitempty"`
	KsefNumber  string     `json:"ksefNumber,omitempty"`
	Acquisition string     `json:"acquisitionDate,omitempty"`
	Storage     string     `json:"permanentStorageDate,omitempty"`
	Mode        string     `json:"invoicingMode,omitempty"`
}

// rfc3339 formats a time as the answers contain it.
func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func hexHash(hash [32]byte) string { return hex.EncodeToString(hash[:]) }

// describeInvoice returns KSeF's text for the code of an invoice.
func describeInvoice(code int) string {
	switch code {
	case 100:
		return "Faktura przyjęta do dalszego przetwarzania"
	case 150:
		return "Trwa przetwarzanie"
	case 200:
		return "Sukces"
	case 405:
		return "Przetwarzanie anulowane z powodu błędu sesji"
	case 410:
		return "Nieprawidłowy zakres uprawnień"
	case 415:
		return "Brak możliwości wysyłania faktury z załącznikiem"
	case 430:
		return "Błąd weryfikacji pliku faktury"
	case 435:
		return "Błąd odszyfrowania pliku"
	case 440:
		return "Duplikat faktury"
	case 450:
		return "Błąd weryfikacji semantyki dokumentu faktury"
	case 550:
		return "Operacja została anulowana przez system"
	}
	return "Nieznany błąd"
}

// visibleCode returns the code that a client now sees for an invoice. The caller holds mu.
func (sb *sessionBook) visibleCode(sess *session, o *outcome) int {
	status := sb.status(sess)
	if sess.lane == laneBatch {
		if status < 200 {
			return 150
		}
		return o.code
	}
	failed := sess.refusedCode != 0 || status != 200 && status != 445
	if status == 415 || sess.decided && sess.spoiledCode == 0 && status == sess.code && failed {
		return 405
	}
	age := sb.now().Sub(o.sent)
	switch {
	case sess.refusedCode != 0 && age >= sb.opts.InvoiceDelay:
		return 150 // the session will fail; its invoices are not decided before that
	case age >= sb.opts.InvoiceDelay:
		return o.code
	case age >= sb.opts.InvoiceDelay/2:
		return 150
	}
	return 100
}

// info returns the present answer about one invoice. The caller holds mu.
func (sb *sessionBook) info(sess *session, o *outcome) invoiceInfo {
	code := sb.visibleCode(sess, o)
	i := invoiceInfo{Ordinal: o.ordinal, Status: statusInfo{Code: code, Description: describeInvoice(code)}}
	if code < 200 {
		return i
	}
	if !o.hideNumber {
		i.Number = o.number
	}
	if code != o.code {
		return i
	}
	i.Status.Details, i.Status.Extensions = o.details, o.extensions
	if a := o.accepted; a != nil {
		i.KsefNumber, i.Mode = a.ksefNumber, a.mode
		i.Acquisition, i.Storage = rfc3339(a.at), rfc3339(a.at.Add(time.Second))
	}
	return i
}

// sessionInvoices lists the invoices of a session. The list of a batch session is empty while its
// status is 100, and forever when the package could not be unpacked.
func (so *sessionOperations) sessionInvoices(c *call) (reply, *refusal) {
	so.mu.Lock()
	sess, refused := so.book.ownSession(c.account, c.value(0))
	if refused != nil {
		so.mu.Unlock()
		return reply{}, refused
	}
	list := []any{}
	for i, info := range so.book.list(sess) {
		if answer, there := so.alterer.altered(opInvoices, sess, sess.invoices[i], info); there {
			list = append(list, answer)
		}
	}
	so.mu.Unlock() // ten thousand entries are encoded without the lock
	return jsonReply(struct {
		Invoices []any `json:"invoices"`
	}{list}), nil
}

func (sb *sessionBook) list(sess *session) []invoiceInfo {
	list := []invoiceInfo{}
	if sess.lane == laneBatch && sb.status(sess) == 100 {
		return list
	}
	for _, o := range sess.invoices {
		list = append(list, sb.info(sess, o))
	}
	return list
}
