package ksef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// InvoicingMode is how KSeF has booked an invoice.
type InvoicingMode string

// The modes.
const (
	ModeOnline  InvoicingMode = "online"
	ModeOffline InvoicingMode = "offline"
)

// InvoiceInfo is where an invoice stands. It has no hash and no file name: in a batch it is matched to our invoice by InvoiceNumber (P_2), which KSeF always
// gives for accepted invoices and not always for refused ones.
type InvoiceInfo struct {
	Status StatusInfo `json:"status"`
	// Ordinal is the place in the session, from 1. 0: not given.
	Ordinal int `json:"ordinal,omitempty"`
	// InvoiceNumber is P_2. "": KSeF could not read it, or the gateway did not say.
	InvoiceNumber string `json:"invoiceNumber,omitempty"`
	// KSeFNumber is set when the invoice is accepted.
	KSeFNumber           string        `json:"ksefNumber,omitempty"`
	AcquisitionDate      Time          `json:"acquisitionDate,omitzero"`
	PermanentStorageDate Time          `json:"permanentStorageDate,omitzero"`
	InvoicingMode        InvoicingMode `json:"invoicingMode,omitempty"`
}

// Original names the invoice of which this one is a duplicate (status 440): its KSeF number and its session. ok is false when KSeF did not say.
func (i InvoiceInfo) Original() (ksefNumber, session string, ok bool) {
	ksefNumber = i.Status.Extension("originalKsefNumber")
	return ksefNumber, i.Status.Extension("originalSessionReferenceNumber"), ksefNumber != ""
}

// SessionInvoices lists the invoices of a session, at most 10,000 (KSeF limits, September 2026). The answer is decoded as it arrives. A list that
// breaks off is an error and never a shorter list: an invoice that is not in it would count as never arrived.
func (c *Client) SessionInvoices(ctx context.Context, id string) ([]InvoiceInfo, error) {
	var out []InvoiceInfo
	err := c.pass(ctx, get("list session invoices", GroupSessionInvoiceList, "/invoice/session/invoices/%s", id), func(a *answer) (err error) {
		out, err = decodeInvoices(a.body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodeInvoices reads {"invoices":[…]} without holding the text of it. A missing or null list is an error: "empty" must be said.
func decodeInvoices(r io.Reader) ([]InvoiceInfo, error) {
	d := json.NewDecoder(r)
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	var out []InvoiceInfo
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		if name == "invoices" {
			if found {
				return nil, errors.New("two lists of invoices in one answer")
			}
			found = true
			if out, err = decodeList(d); err != nil {
				return nil, err
			}
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		if name == "error" {
			if body := errorOf(raw); body != nil {
				return nil, &gatewayError{body: *body}
			}
		}
	}
	if err := expect(d, '}'); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.Join(errors.New("more after the end of the answer"), err)
	}
	if !found {
		return nil, errors.New("answer has no list of invoices")
	}
	return out, nil
}

func decodeList(d *json.Decoder) ([]InvoiceInfo, error) {
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	out := []InvoiceInfo{}
	for d.More() {
		var i InvoiceInfo
		if err := d.Decode(&i); err != nil {
			return nil, err
		}
		if err := i.Status.check(); err != nil {
			return nil, fmt.Errorf("invoice %d of the list: %w", len(out), err)
		}
		out = append(out, i)
	}
	return out, expect(d, ']')
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if token != want {
		return fmt.Errorf("not the JSON that was due: no %q where it belongs", want.String())
	}
	return nil
}
