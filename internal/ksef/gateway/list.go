package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

// SessionInvoices lists all invoices of a session. The answer is decoded as it arrives. If the list
// breaks off, SessionInvoices returns an error and no part of the list, because an invoice missing
// from the list would count as never arrived.
func (s *SessionAPI) SessionInvoices(ctx context.Context, id string) ([]ksef.InvoiceInfo, error) {
	var out []ksef.InvoiceInfo
	k := httponce.Get("list session invoices", ksef.GroupSessionInvoiceList, "/invoice/session/invoices/%s", id).UpTo(httponce.AnyAnswer)
	err := s.do(ctx, k, func(a *httponce.Answer) (err error) {
		out, err = decodeInvoices(a.Body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodeInvoices reads {"invoices":[…]} without holding its text in memory. A missing or null list
// is an error. An empty list must be given as [].
func decodeInvoices(r io.Reader) ([]ksef.InvoiceInfo, error) {
	d := json.NewDecoder(lenient.NewReader(r))
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	var out []ksef.InvoiceInfo
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		if name == "invoices" {
			if found {
				return nil, httponce.Misread(errors.New("two lists of invoices in one answer"))
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
				return nil, &httponce.RefusedError{Body: *body}
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
		return nil, httponce.Misread(errors.New("answer has no list of invoices"))
	}
	return out, nil
}

// decodeList reads the entries. If the list begins well but stops being JSON further on, the answer
// is still the gateway's, because a proxy or firewall would not begin its page with a list. If the
// list breaks off, it is uncertain who sent the answer.
//
// The number of entries is bounded. In memory, a list of empty entries takes a hundred times the
// size of its text. An unbounded list could use up the memory of the process, which also works for
// other taxpayers.
func decodeList(d *json.Decoder) ([]ksef.InvoiceInfo, error) {
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	out := []ksef.InvoiceInfo{}
	for d.More() {
		if len(out) == numbers.MaxListed {
			err := fmt.Errorf("the list has more invoices than any session may have (%d)", numbers.MaxListed)
			return nil, httponce.Misread(err)
		}
		var i invoiceWire
		if err := d.Decode(&i); err != nil {
			if _, syntax := errors.AsType[*json.SyntaxError](err); syntax {
				err = httponce.Misread(err)
			}
			return nil, err
		}
		out = append(out, ksef.InvoiceInfo(i))
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
		return httponce.Misread(fmt.Errorf("no %q where it belongs", want.String()))
	}
	return nil
}
