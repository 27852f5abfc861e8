package ksef

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
)

// SendRequest sends one invoice in an open online session. Make it with Seal.
type SendRequest struct {
	SessionID string           `json:"sessionId"`
	Encrypted EncryptedInvoice `json:"encrypted"`
}

// EncryptedInvoice is an invoice, encrypted with its session's key.
type EncryptedInvoice struct {
	InvoiceSize      int    `json:"invoiceSize"`      // bytes of the plain XML
	InvoiceHash      []byte `json:"invoiceHash"`      // SHA-256 of the plain XML
	EncryptedInvoice []byte `json:"encryptedInvoice"` // ciphertext, without the IV
}

// Seal encrypts an invoice for a session that was opened with key.
func Seal(sessionID string, key SessionKey, invoice []byte) SendRequest {
	hash := sha256.Sum256(invoice)
	return SendRequest{
		SessionID: sessionID,
		Encrypted: EncryptedInvoice{InvoiceSize: len(invoice), InvoiceHash: hash[:], EncryptedInvoice: key.Encrypt(invoice)},
	}
}

func (r SendRequest) check() error {
	e := r.Encrypted
	faults := []error{required("sessionId", r.SessionID), lengthOf("invoiceHash", e.InvoiceHash, sha256.Size)}
	if e.InvoiceSize <= 0 || e.InvoiceSize > math.MaxInt32 {
		faults = append(faults, fmt.Errorf("invoiceSize %d is not between 1 and %d", e.InvoiceSize, math.MaxInt32))
	} else if want := EncryptedSize(int64(e.InvoiceSize)); int64(len(e.EncryptedInvoice)) != want {
		faults = append(faults, fmt.Errorf("encryptedInvoice has %d bytes, an invoice of %d bytes has %d", len(e.EncryptedInvoice), e.InvoiceSize, want))
	}
	return errors.Join(faults...)
}

// SentInvoice is an invoice that was taken into its session. That is not yet acceptance: see InvoiceStatus.
type SentInvoice struct {
	ID      string `json:"id"`
	Created Time   `json:"created"`
}

// SendInvoice sends an invoice in an open online session. After an error with MaybeDone the invoice may be in the session: look there before it is sent again.
func (c *Client) SendInvoice(ctx context.Context, r SendRequest) (SentInvoice, error) {
	var out SentInvoice
	k := post("send invoice", GroupInvoiceSend, "/invoice/send", r).bad(r.check())
	if err := c.pass(ctx, k, func(a *answer) error { return a.checked(&out, func() error { return missing("id", out.ID) }) }); err != nil {
		return SentInvoice{}, err
	}
	return out, nil
}

// InvoiceStatus asks where one sent invoice stands, by the id that SendInvoice returned. Asking for the session costs one request for all.
func (c *Client) InvoiceStatus(ctx context.Context, id string) (InvoiceInfo, error) {
	var out struct {
		InvoiceInfo InvoiceInfo `json:"invoiceInfo"`
	}
	err := c.pass(ctx, get("ask invoice status", GroupInvoiceStatus, "/invoice/status/%s", id), func(a *answer) error {
		if err := a.json(&out); err != nil {
			return err
		}
		if out.InvoiceInfo.Unreadable != "" {
			return errors.New(out.InvoiceInfo.Unreadable)
		}
		return out.InvoiceInfo.Status.check()
	})
	if err != nil {
		return InvoiceInfo{}, err
	}
	return out.InvoiceInfo, nil
}

// Invoice fetches an accepted invoice by its KSeF number, as the XML that KSeF holds.
func (c *Client) Invoice(ctx context.Context, ksefNumber string) ([]byte, error) {
	return c.xml(ctx, get("fetch invoice", GroupInvoiceDownload, "/invoice/get/%s", ksefNumber).upTo(documentAnswer))
}
