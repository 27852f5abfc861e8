package httpintake

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
	"ksefworker/internal/qrcode"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// forms answers with an invoice as people see it, as a QR code or a PDF.
type forms struct{ *single }

// PDF makes a PDF of the document of an invoice; language is pl or en. The error is a
// [*NoPDFError], or says that the gateway could not be asked.
type PDF func(ctx context.Context, inv *ledger.Invoice, document []byte, language string) ([]byte, error)

// NoPDFError says that there is no PDF of an invoice. The field Why has the gateway's reason. If it
// is "", the tenant does not send over the gateway, and nobody else makes PDFs.
type NoPDFError struct{ Why string }

func (e *NoPDFError) Error() string { return "no PDF: " + e.Why }

// qr answers with KOD I, the QR code of the address where anybody can check whether KSeF has the
// invoice.
func (f *forms) qr(c *call) error {
	inv, instead, err := f.invoiceOrInstead(c)
	if err != nil {
		return err
	}
	if instead == nil {
		found, err := f.o.Inquiry.Results(c.ctx(), []ledger.Invoice{inv})
		if err != nil {
			return notNow(err)
		}
		instead = &found[0]
	}
	link, label := instead.VerificationURL, instead.KsefNumber
	if link == "" {
		why := results.NoCode(instead.State)
		polish, _ := explain.Say(explain.Polish, why)
		return &problem{kind: notFound, detail: text{en: why, pl: polish}}
	}
	if label == "" {
		label = qrcode.LabelOffline
	}
	img, err := qrcode.PNG(link, label)
	if err != nil {
		return err
	}
	return f.shown(c, instead.ID+".png", "image/png", img)
}

// pdf answers with the document as the gateway shows it.
func (f *forms) pdf(c *call) error {
	inv, instead, err := f.invoiceOrInstead(c)
	if err != nil {
		return err
	}
	if instead != nil { // the number that its entry would have
		inv = ledger.Invoice{KsefNumber: instead.KsefNumber}
		inv.ID, inv.Tenant = instead.ID, instead.Tenant
	}
	none := text{
		en: "the gateway makes the PDF of an invoice, and the tenant of this one does not send over the gateway; make the PDF from /xml",
		pl: "PDF faktury tworzy bramka, a podatnik tej faktury nie wysyła przez bramkę; utwórz go z /xml"}
	if f.o.PDF == nil {
		return &problem{kind: notFound, detail: none}
	}
	doc, err := f.shownDocument(c, &inv, instead)
	of := results.Of(inv, "")
	if instead != nil {
		of = *instead
	}
	switch {
	case records.Lost(of, err):
		return lostFile(err)
	case records.Missing(err):
		return &problem{kind: notFound, detail: notKept}
	case err != nil:
		return archiveAway(err)
	}
	pdf, err := f.o.PDF(c.ctx(), &inv, doc, string(c.lang))
	switch no, ok := errors.AsType[*NoPDFError](err); {
	case err == nil:
		return f.shown(c, inv.ID+".pdf", "application/pdf", pdf)
	case ok && no.Why == "":
		return &problem{kind: notFound, detail: none}
	case ok:
		return &problem{kind: notFound, detail: text{
			en: "the gateway makes no PDF of it: " + no.Why, pl: "bramka nie utworzyła z niej PDF: " + no.Why}}
	}
	return &problem{kind: unavailable, after: 10 * time.Second, cause: err, detail: text{
		en: "the gateway could not be asked for the PDF; ask again", pl: "nie można było zapytać bramki o PDF; zapytaj ponownie"}}
}

// shownDocument returns the document of an invoice, or of the archived result that stands for it.
func (f *forms) shownDocument(c *call, inv *ledger.Invoice, instead *results.Result) ([]byte, error) {
	if instead != nil {
		return f.o.Records.Document(c.ctx(), *instead)
	}
	return f.document(c, inv)
}

func (f *forms) shown(c *call, name, contentType string, data []byte) error {
	c.w.Header().Set("Content-Disposition", `inline; filename="`+name+`"`)
	return c.raw(http.StatusOK, contentType, data)
}

var notKept = text{en: "the document of this invoice is not kept any more", pl: "dokument tej faktury nie jest już przechowywany"}

// document returns the document of an invoice. As long as the document that was handed in is kept
// for sending, it is that document. After that it is the archived document, which for an accepted
// invoice has the bytes that KSeF has.
func (sg *single) document(c *call, inv *ledger.Invoice) ([]byte, error) {
	doc, err := sg.o.Document(c.ctx(), inv)
	if err != nil {
		doc, err = sg.o.Records.Document(c.ctx(), results.Of(*inv, ""))
	}
	return doc, err
}

// lostFile returns the problem of a file that the archive should have, and that is missing there or
// damaged.
func lostFile(err error) error {
	return &problem{kind: unavailable, after: time.Minute, cause: err, detail: text{
		en: "this file should be in the archive, but its copy there is missing or damaged; the server's operator has to look into it: enqueue find names what is wrong",
		pl: "powinno to być w archiwum, ale kopii brakuje lub jest uszkodzona; musi to sprawdzić administrator serwera: enqueue find nazwie przyczynę"}}
}

func archiveAway(err error) error {
	return &problem{kind: unavailable, after: 10 * time.Second, cause: err, detail: text{
		en: "the archive does not answer; ask again", pl: "archiwum nie odpowiada; zapytaj ponownie"}}
}
