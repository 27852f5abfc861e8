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

// InvoiceInfo is where an invoice stands. It has no hash and no file name: in a batch it is matched to
// our invoice by InvoiceNumber (P_2), which KSeF always gives for accepted invoices and not always
// for refused ones.
type InvoiceInfo struct {
	Status StatusInfo `json:"status"`
	// Unreadable says which field of the answer a decision would need and could not be read; ""
	// when there is none. What could be read of the rest is there.
	Unreadable string `json:"-"`
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

// UnmarshalJSON reads one entry of a list. It never fails: an entry that is odd concerns one invoice,
// and must not make the list of ten thousand unreadable. Fields for display are taken loosely.
func (i *InvoiceInfo) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Status               StatusInfo `json:"status"`
		Ordinal              looseInt   `json:"ordinal"`
		InvoiceNumber        looseName  `json:"invoiceNumber"`
		KSeFNumber           looseName  `json:"ksefNumber"`
		AcquisitionDate      Time       `json:"acquisitionDate"`
		PermanentStorageDate Time       `json:"permanentStorageDate"`
		InvoicingMode        looseName  `json:"invoicingMode"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		*i = InvoiceInfo{Unreadable: "it is not an object"}
		return nil
	}
	*i = InvoiceInfo{Status: wire.Status, Ordinal: int(wire.Ordinal), InvoiceNumber: string(wire.InvoiceNumber), KSeFNumber: string(wire.KSeFNumber),
		AcquisitionDate: wire.AcquisitionDate, PermanentStorageDate: wire.PermanentStorageDate, InvoicingMode: InvoicingMode(wire.InvoicingMode)}
	if err := i.Status.check(); err != nil {
		i.Unreadable = err.Error()
	}
	return nil
}

// looseName takes a string or a number as it is written; of anything else it takes nothing, as a
// name that is not one must not match.
type looseName string

func (n *looseName) UnmarshalJSON(raw []byte) error {
	*n = ""
	var s string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil:
		*n = looseName(s)
	case json.Unmarshal(raw, &number) == nil:
		*n = looseName(number)
	}
	return nil
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
	err := c.pass(ctx, get("list session invoices", GroupSessionInvoiceList, "/invoice/session/invoices/%s", id).upTo(anyAnswer), func(a *answer) (err error) {
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
	d := json.NewDecoder(&controls{r: r})
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
				return nil, misread(errors.New("two lists of invoices in one answer"))
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
		return nil, misread(errors.New("answer has no list of invoices"))
	}
	return out, nil
}

// decodeList reads the entries. A list that is no JSON further on is the gateway's all the same, unless
// it breaks off: who stands before the gateway does not begin its answers so.
func decodeList(d *json.Decoder) ([]InvoiceInfo, error) {
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	out := []InvoiceInfo{}
	for d.More() {
		var i InvoiceInfo
		if err := d.Decode(&i); err != nil {
			if _, syntax := errors.AsType[*json.SyntaxError](err); syntax {
				err = misread(err)
			}
			return nil, err
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
		return misread(fmt.Errorf("no %q where it belongs", want.String()))
	}
	return nil
}
