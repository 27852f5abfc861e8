package archive

import (
	"fmt"
	"path"
	"strings"
)

// Where an accountant finds things. Everything of one seller and one month is in one folder:
//
//	5265877635/                  the seller's NIP
//	  2026-11/                   the month of the invoice's issue date (P_1)
//	    <id>.xml                 the invoice, byte for byte as sent to KSeF, or as KSeF has it
//	    <id>.json                its result: KSeF number or rejection, and the name of its receipt
//	    upo/<session>.xml        the official receipt (UPO), signed by KSeF, of one session
//	    upo/<session>-….xml      a receipt for a part of the session, or one that came after such a receipt
//	    packages/                the invoices of whole packages; docs/archive.md and package bundle
//	      2026-11-26/            the day on which they were archived
//	        <package>-<sum>.zip    documents and results, with the names that they have here
//	        <package>-<sum>.jsonl  the index of that ZIP: one line for each invoice
//	      2026-11-26.jsonl       the lines of all indexes of a day that is over
//	      to-2026-11-26.jsonl    the lines of all indexes of the month up to that day
//	bodies/<id>                  large invoices that wait to be sent; removed once archived
//
// A document that was found damaged, or with other content than expected, is kept. The correct one
// is stored beside it, for example as <name>.copy2.xml.
//
// <id> is the id that `enqueue status` shows. It can also be found by searching the .json files for
// the number of the invoice. An invoice that was exported twice can have two documents. The hash in
// the result says which of them KSeF has.

// InvoiceName returns the name of an invoice's XML. issueDate is P_1, such as "2006-01-02"; only
// its year and month count.
func InvoiceName(nip, issueDate, id string) string {
	return component(nip) + "/" + month(issueDate) + "/" + component(id) + ".xml"
}

// ResultName returns the name of the result document of an invoice, which is beside the invoice.
// Replace accepts only such names.
func ResultName(nip, issueDate, id string) string {
	return component(nip) + "/" + month(issueDate) + "/" + component(id) + resultSuffix
}

// BundlesFolder returns the folder with the bundles of one seller and month. A bundle holds what is
// archived of a whole package.
func BundlesFolder(nip, issueDate string) string {
	return component(nip) + "/" + month(issueDate) + "/packages"
}

// BundleName returns the name of a bundle. day is the day on which the bundle is archived, such as
// "2006-01-02". sum is the hash of its bytes, so the same bytes always have the same name.
func BundleName(nip, issueDate, day, pkg, sum string) string {
	return BundlesFolder(nip, issueDate) + "/" + component(day) + "/" + component(pkg) + "-" + component(sum) + ".zip"
}

// ReceiptName returns the name of a session's UPO. date is the day on which the session was opened,
// "2006-01-02". The invoices of the session may have earlier dates, so the result of each names its
// receipt.
func ReceiptName(nip, date, session string) string {
	return component(nip) + "/" + month(date) + "/upo/" + component(session) + ".xml"
}

// BodyName returns the name that an invoice has in the archive while it waits to be sent, if it is
// too large for Redis. Remove accepts such names.
func BodyName(id string) string { return bodiesPrefix + component(id) }

// CopyName returns the name of the n-th copy of a document whose earlier copies are damaged or have
// other content. The first copy has the name itself.
func CopyName(name string, n int) string {
	if n <= 1 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s.copy%d%s", strings.TrimSuffix(name, ext), n, ext)
}

// WithoutCopy returns a name without its extension and without the mark of a copy (see [CopyName]).
// So it returns the same text for an object and for its copies.
func WithoutCopy(name string) string {
	base, _, _ := strings.Cut(path.Base(name), ".copy")
	return path.Join(path.Dir(name), strings.TrimSuffix(base, path.Ext(name)))
}

func month(date string) string {
	if len(date) > len("2006-01") {
		date = date[:len("2006-01")]
	}
	return component(date)
}

// component turns any text into one component of a name, because others choose the session ids.
// Letters, digits, hyphens, underscores, and dots that are not the first character stay. Everything
// else becomes %XX, so that different texts stay different. Empty text stays empty, and the store
// refuses it.
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

// ReceiptCopyName returns the name of a UPO that must not have the name from ReceiptName. Such a
// UPO does not attest every accepted invoice of its session, or it came after a UPO that is
// incomplete in this way. fingerprint distinguishes the copies of one session.
func ReceiptCopyName(nip, date, session, fingerprint string) string {
	return component(nip) + "/" + month(date) + "/upo/" + component(session) + "-" + component(fingerprint) + ".xml"
}
