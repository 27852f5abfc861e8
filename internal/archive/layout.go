package archive

import (
	"fmt"
	"path"
	"strings"
)

// Where to look, for the person who keeps the books. Everything of one seller and one month lies together:
//
//	5265877635/                   the seller's NIP
//	    2026-11/                  the month of the invoice's issue date (P_1)
//	        <id>.xml              the invoice, byte for byte as it was sent to KSeF, or as KSeF has it
//	        <id>.json             what became of it: KSeF number, or why it was rejected; names its receipt
//	        upo/
//	            <session>.xml     the official receipt (UPO), signed by KSeF, for all invoices of one session
//	            <session>-….xml   a receipt that attests a part of them, or that came later than such a one
//	bodies/<id>                   large invoices that wait to be sent; removed once they are archived above
//
// Where something stood damaged or other than it should be, it was left, and the sound one lies beside it as <name>.copy2.xml (or .json).
//
// <id> is what `enqueue status` shows; searching the .json files for an invoice's number finds it as well. An
// invoice that was exported twice can have two documents: the result's hash says which of them KSeF has.

// InvoiceName is where an invoice's XML is kept. issueDate is P_1, "2006-01-02"; only its year and month count.
func InvoiceName(nip, issueDate, id string) string {
	return component(nip) + "/" + month(issueDate) + "/" + component(id) + ".xml"
}

// ResultName is where the result document of an invoice is kept: beside the invoice. The only kind that Replace takes.
func ResultName(nip, issueDate, id string) string {
	return component(nip) + "/" + month(issueDate) + "/" + component(id) + resultSuffix
}

// ReceiptName is where a session's UPO is kept. date is the day on which the session was opened, "2006-01-02": its invoices may bear
// earlier dates, so a result document names its receipt.
func ReceiptName(nip, date, session string) string {
	return component(nip) + "/" + month(date) + "/upo/" + component(session) + ".xml"
}

// BodyName is where an invoice that is too large for Redis waits until it is sent. Remove takes it.
func BodyName(id string) string { return bodiesPrefix + component(id) }

// CopyName is where the n-th copy of something lies, when what stands under its own name is damaged; the first is its own name.
func CopyName(name string, n int) string {
	if n <= 1 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s.copy%d%s", strings.TrimSuffix(name, ext), n, ext)
}

func month(date string) string {
	if len(date) > len("2006-01") {
		date = date[:len("2006-01")]
	}
	return component(date)
}

// component makes any text one component of a name, because session ids are chosen by others: what is not a letter, digit, dot,
// hyphen or underscore becomes %XX, so that different texts stay different. Empty text stays empty and is refused by the store.
func component(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		plain := c == '-' || c == '_' || c == '.' && i > 0 ||
			'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// ReceiptCopyName is where a UPO is kept that cannot stand under its own name: one that does not
// attest every accepted invoice of its session, or one that came after such a one. fingerprint tells
// the copies of one session apart.
func ReceiptCopyName(nip, date, session, fingerprint string) string {
	return component(nip) + "/" + month(date) + "/upo/" + component(session) + "-" + component(fingerprint) + ".xml"
}
