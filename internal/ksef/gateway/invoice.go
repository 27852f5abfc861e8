package gateway

import (
	"context"
	"errors"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// SendInvoice sends an invoice in an open online session. After an error with MaybeDone the invoice
// may be in the session. Find out whether it is before you send it again.
func (s *SessionAPI) SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error) {
	body := struct {
		SessionID string   `json:"sessionId"`
		Encrypted sentWire `json:"encrypted"`
	}{r.SessionID, sentWire(r.Encrypted)}
	k := httponce.Post("send invoice", ksef.GroupInvoiceSend, "/invoice/send", body).Bad(r.Check())
	if r.Offline || r.Corrects != nil {
		k = k.Bad(errors.New("the gateway has no offline flag and no technical correction for a single invoice: " +
			"send it straight to KSeF (transport: direct)"))
	}
	out, err := s.create(ctx, k)
	return ksef.SentInvoice(out), err
}

// InvoiceStatus returns the state of one sent invoice, by the id that SendInvoice returned.
// SessionInvoices needs only one request for all invoices of a session.
func (s *SessionAPI) InvoiceStatus(ctx context.Context, id string) (ksef.InvoiceInfo, error) {
	var out struct {
		InvoiceInfo invoiceWire `json:"invoiceInfo"`
	}
	k := httponce.Get("ask invoice status", ksef.GroupInvoiceStatus, "/invoice/status/%s", id)
	err := s.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&out); err != nil {
			return err
		}
		if out.InvoiceInfo.Unreadable != "" {
			return errors.New(out.InvoiceInfo.Unreadable)
		}
		return out.InvoiceInfo.Status.Check()
	})
	if err != nil {
		return ksef.InvoiceInfo{}, err
	}
	return ksef.InvoiceInfo(out.InvoiceInfo), nil
}

// Invoice fetches an accepted invoice by its KSeF number, as the XML that KSeF holds.
func (g *RegisterAPI) Invoice(ctx context.Context, ksefNumber string) ([]byte, error) {
	return g.xml(ctx, httponce.Get("fetch invoice", ksef.GroupInvoiceDownload, "/invoice/get/%s", ksefNumber).UpTo(httponce.DocumentAnswer))
}
