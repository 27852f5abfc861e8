package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// Validation is what the gateway finds when it checks an invoice without sending it.
type Validation struct {
	Valid          bool                `json:"valid"`
	InvoiceVersion ksef.InvoiceVersion `json:"invoiceVersion"`
	// CanonicalForm is the canonical XML.
	CanonicalForm []byte `json:"canonicalForm"`
}

// Validate asks the gateway to check an invoice's XML. For an invoice that the gateway can't read
// at all, Validate returns an error of [ksef.KindRefused].
func (d *DocumentAPI) Validate(ctx context.Context, invoice []byte) (Validation, error) {
	k := httponce.Call{
		Op: "validate invoice", Group: ksef.GroupValidate, Method: "POST", Path: "/invoice/validate",
		Accept: httponce.AcceptJSON, ContentType: "text/xml", Body: invoice,
	}
	if len(invoice) == 0 {
		k = k.Bad(errors.New("invoice is empty"))
	}
	var wire struct {
		Valid *bool `json:"valid"`
		Validation
	}
	err := d.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&wire); err != nil {
			return err
		}
		if wire.Valid == nil {
			return errors.New("answer does not say whether the invoice is valid")
		}
		return nil
	})
	if err != nil {
		return Validation{}, err
	}
	wire.Validation.Valid = *wire.Valid
	return wire.Validation, nil
}

// Generate makes the XML of an FA(3) document from its JSON form (the value of "invoice" in the
// request).
func (d *DocumentAPI) Generate(ctx context.Context, invoice json.RawMessage) ([]byte, error) {
	body := map[string]json.RawMessage{"invoice": invoice}
	k := httponce.Post("generate invoice", ksef.GroupGenerate, "/invoice/generate", body).UpTo(httponce.DocumentAnswer)
	switch {
	case len(invoice) == 0:
		k.Err = errors.New("invoice is empty")
	case k.Err != nil:
		k.Err = errors.New("invoice is not JSON") // the encoder's error may quote the invoice
	}
	return d.xml(ctx, k)
}

// LinksRequest asks for verification links.
type LinksRequest struct {
	NIP string `json:"nip"` // seller
	// IssueDate is P_1 as YYYY-MM-DD.
	IssueDate         string `json:"issueDate"`
	InvoiceHash       []byte `json:"invoiceHash"` // SHA-256 of the XML
	InvoiceKSeFNumber string `json:"invoiceKsefNumber,omitempty"`
}

// Links are the verification links of an invoice.
type Links struct {
	Invoice Link `json:"invoice"` // KOD I
	// Certificate is KOD II, of an invoice issued offline. It is nil for any other invoice.
	Certificate *Link `json:"certificate,omitempty"`
}

// Link is a link and its QR code as an image.
type Link struct {
	Link  string `json:"link"`
	Image []byte `json:"image"`
}

// Links makes the verification links of an invoice.
func (d *DocumentAPI) Links(ctx context.Context, r LinksRequest) (Links, error) {
	k := httponce.Post("make links", ksef.GroupLinks, "/invoice/links", r).UpTo(httponce.DocumentAnswer).
		Bad(httponce.Required("nip", r.NIP)).Bad(httponce.Required("issueDate", r.IssueDate))
	if len(r.InvoiceHash) != sha256.Size {
		k = k.Bad(fmt.Errorf("invoiceHash has %d bytes, must have %d", len(r.InvoiceHash), sha256.Size))
	}
	var out Links
	err := d.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&out, func() error { return missing("invoice link", out.Invoice.Link) })
	})
	if err != nil {
		return Links{}, err
	}
	return out, nil
}
