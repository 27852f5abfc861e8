package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// OutputFormat is the form of a visualization.
type OutputFormat string

// The formats.
const (
	HTML OutputFormat = "html"
	PDF  OutputFormat = "pdf"
)

// Language is the language of a visualization.
type Language string

// The languages.
const (
	Polish  Language = "pl"
	English Language = "en"
)

func (l Language) check() error {
	if l != Polish && l != English {
		return fmt.Errorf("outputLanguage %q is neither %s nor %s", string(l), Polish, English)
	}
	return nil
}

// VisualizeRequest asks for an invoice in a form that people can read.
type VisualizeRequest struct {
	// TemplateName is a template of the account. "" means the gateway's own.
	TemplateName      string       `json:"templateName,omitempty"`
	Offline           bool         `json:"offline"`
	InvoiceKSeFNumber string       `json:"invoiceKsefNumber,omitempty"`
	InvoiceData       []byte       `json:"invoiceData"` // the XML
	OutputFormat      OutputFormat `json:"outputFormat"`
	OutputLanguage    Language     `json:"outputLanguage"`
}

// Visualize renders an invoice as HTML or PDF.
func (d *DocumentAPI) Visualize(ctx context.Context, r VisualizeRequest) ([]byte, error) {
	k := httponce.Post("visualize invoice", ksef.GroupVisualize, "/invoice/visualize", r).UpTo(httponce.AnyAnswer).
		Bad(r.OutputLanguage.check())
	if len(r.InvoiceData) == 0 {
		k = k.Bad(errors.New("invoiceData is required"))
	}
	if r.OutputFormat != HTML && r.OutputFormat != PDF {
		k = k.Bad(fmt.Errorf("outputFormat %q is neither %s nor %s", string(r.OutputFormat), HTML, PDF))
	}
	return d.rendered(ctx, k, r.OutputFormat)
}

// VisualizeUPORequest asks for a receipt in a form that people can read. The gateway knows PDF
// only.
type VisualizeUPORequest struct {
	OutputLanguage Language
	UPOData        []byte // the UPO's XML
}

// VisualizeUPO renders a receipt as PDF.
func (d *DocumentAPI) VisualizeUPO(ctx context.Context, r VisualizeUPORequest) ([]byte, error) {
	wire := struct {
		OutputFormat   OutputFormat `json:"outputFormat"`
		OutputLanguage Language     `json:"outputLanguage"`
		UPOData        []byte       `json:"upoData"`
	}{PDF, r.OutputLanguage, r.UPOData}
	k := httponce.Post("visualize UPO", ksef.GroupVisualizeUPO, "/invoice/upo/visualize", wire).UpTo(httponce.AnyAnswer).
		Bad(r.OutputLanguage.check())
	if len(r.UPOData) == 0 {
		k = k.Bad(errors.New("upoData is required"))
	}
	return d.rendered(ctx, k, PDF)
}

func (c *connection) rendered(ctx context.Context, k httponce.Call, format OutputFormat) ([]byte, error) {
	accept := "text/html, application/json"
	if format == PDF {
		accept = "application/pdf, application/json"
	}
	var out []byte
	err := c.do(ctx, k.Accepting(accept), func(a *httponce.Answer) (err error) {
		if out, err = a.Document(); err != nil {
			return err
		}
		if format == PDF && !bytes.HasPrefix(out, []byte("%PDF-")) {
			return fmt.Errorf("not a PDF (%s)", a.Describe(out))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
