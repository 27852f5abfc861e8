package page

import (
	"context"
	"errors"
	"net/http"

	"ksefworker/internal/ledger"
	"ksefworker/internal/proof"
	"ksefworker/internal/results"
)

// PDF makes a PDF of the document of an invoice. offline is true when the invoice was handed in as
// issued offline, or when KSeF lacks it. language is pl or en. The error is a [*NoPDFError] when
// there is no PDF of the invoice. Any other error says that the gateway could not be asked.
type PDF func(ctx context.Context, of *results.Result, offline bool, document []byte, language Language) ([]byte, error)

// NoPDFError says that there is no PDF of an invoice. Why has the gateway's words; "" when the
// tenant does not send over the gateway.
type NoPDFError struct{ Why string }

func (e *NoPDFError) Error() string { return "no PDF: " + e.Why }

const gone = "The document of this invoice is not kept any more."

// document returns the document of the invoice in the path, and what is known about the invoice. It
// returns the document that was handed in, as long as that is stored, and otherwise the document in
// the archive.
func (v *single) document() (results.Result, *ledger.Invoice, []byte, error) {
	r, inv, err := v.result()
	if err != nil {
		return r, nil, nil, err
	}
	var doc []byte
	if inv != nil {
		doc, err = v.p.o.Document(v.ctx(), inv)
	}
	if inv == nil || err != nil {
		doc, err = v.p.o.Records.Document(v.ctx(), r)
	}
	return r, inv, doc, kept(r, err, gone)
}

// hasPDF reports whether somebody makes PDFs of the invoices of a tenant. It returns false for a
// stranger, because the key of a stranger is not the key of the taxpayer to whom the invoices
// belong.
func (v *single) hasPDF(tenant string) bool {
	for _, t := range v.p.o.Tenants {
		if t.Name == tenant {
			return v.stranger(tenant) == "" && t.PDF && v.p.o.PDF != nil
		}
	}
	return false
}

// pdf answers with the invoice as the gateway shows it.
func (v *single) pdf() error {
	r, inv, doc, err := v.document()
	if err != nil {
		return err
	}
	if !v.hasPDF(r.Tenant) {
		return &shown{http.StatusNotFound, "Nobody makes PDFs for this tenant. Use the invoice to read or print.", nil}
	}
	offline := inv != nil && inv.Offline || r.KsefNumber == "" || !ledger.State(r.State).InKSeF()
	pdf, err := v.p.o.PDF(v.ctx(), &r, offline, doc, v.Lang)
	if no, ok := errors.AsType[*NoPDFError](err); ok {
		return &shown{http.StatusNotFound, "The gateway makes no PDF of this invoice: %s", []any{no.Why}}
	}
	if err != nil {
		v.p.o.Log.Warn().Err(err).Str("invoice", r.ID).Msg("the gateway could not be asked for the PDF of an invoice")
		return &shown{http.StatusBadGateway, "The gateway could not be asked for the PDF. Try again in a moment.", nil}
	}
	return v.file(r.ID+".pdf", "application/pdf", pdf)
}

// form answers with the invoice as people read and print it. It is in Polish, as every invoice is.
// The page is complete in itself, with its style sheet inside and without a script.
func (v *single) form() error {
	r, _, doc, err := v.document()
	if err != nil {
		return err
	}
	if !ledger.State(r.State).InKSeF() {
		r.KsefNumber = ""
	}
	page, err := proof.Evidence{Result: r, Document: doc}.Form()
	if err != nil {
		v.p.o.Log.Warn().Err(err).Str("invoice", r.ID).Msg("an invoice has no form to read")
		return &shown{http.StatusUnprocessableEntity, "This document cannot be shown as an invoice. Take its XML.", nil}
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", "pl")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = v.w.Write(page) // an error means that the person has gone
	return nil
}
