package gateway

import (
	"encoding/json"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/lenient"
)

// These types are KSeF's data in the JSON of the gateway. Other clients use other JSON, so the
// types are here and not in package ksef.

type encryptionWire struct {
	InitVector   []byte `json:"initVector"`
	EncryptedKey []byte `json:"encryptedKey"`
}

func encryptionOf(e ksef.EncryptionInfo) encryptionWire {
	return encryptionWire{InitVector: e.InitVector, EncryptedKey: e.EncryptedKey}
}

type rangeWire struct {
	From ksef.Time `json:"from"`
	To   ksef.Time `json:"to"`
}

type partWire struct {
	Ordinal  int    `json:"ordinal"`
	PartSize int64  `json:"partSize"`
	PartHash []byte `json:"partHash"`
}

type partUploadWire struct {
	Ordinal int    `json:"ordinal"`
	Method  string `json:"method"`
	URL     string `json:"url"`
	Headers []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"headers"`
}

func (w partUploadWire) upload() ksef.PartUpload {
	u := ksef.PartUpload{Ordinal: w.Ordinal, Method: w.Method, URL: w.URL, Headers: make([]ksef.Header, 0, len(w.Headers))}
	for _, h := range w.Headers {
		u.Headers = append(u.Headers, ksef.Header(h))
	}
	return u
}

type sentWire struct {
	InvoiceSize      int    `json:"invoiceSize"`
	InvoiceHash      []byte `json:"invoiceHash"`
	EncryptedInvoice []byte `json:"encryptedInvoice"`
}

// createdWire is the answer to a request that makes something, such as a session or a sent invoice.
type createdWire struct {
	ID      string    `json:"id"`
	Created ksef.Time `json:"created"`
}

// sessionWire decodes a session. A count that cannot be read counts as missing; only an unreadable
// object is an error.
type sessionWire ksef.SessionInfo

func (s *sessionWire) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Status  ksef.StatusInfo `json:"status"`
		Batch   json.RawMessage `json:"batch"`
		Count   json.RawMessage `json:"invoiceCount"`
		Success lenient.Int     `json:"successfulInvoiceCount"`
		Failed  lenient.Int     `json:"failedInvoiceCount"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return err
	}
	count, counted := lenient.Count(wire.Count)
	*s = sessionWire{
		Status:                 wire.Status,
		Batch:                  string(wire.Batch) == "true",
		InvoiceCount:           count,
		SuccessfulInvoiceCount: int(wire.Success),
		FailedInvoiceCount:     int(wire.Failed),
		Counted:                counted,
	}
	return nil
}

// invoiceWire decodes one entry of a list. It never fails, so that one odd entry cannot make a list
// of ten thousand unreadable.
type invoiceWire ksef.InvoiceInfo

func (i *invoiceWire) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Status               ksef.StatusInfo `json:"status"`
		Ordinal              lenient.Int     `json:"ordinal"`
		InvoiceNumber        lenient.Name    `json:"invoiceNumber"`
		KSeFNumber           lenient.Name    `json:"ksefNumber"`
		AcquisitionDate      ksef.Time       `json:"acquisitionDate"`
		PermanentStorageDate ksef.Time       `json:"permanentStorageDate"`
		InvoicingMode        lenient.Name    `json:"invoicingMode"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		*i = invoiceWire{Unreadable: "it is not an object"}
		return nil
	}
	*i = invoiceWire{
		Status:               wire.Status,
		Ordinal:              int(wire.Ordinal),
		InvoiceNumber:        string(wire.InvoiceNumber),
		KSeFNumber:           string(wire.KSeFNumber),
		AcquisitionDate:      wire.AcquisitionDate,
		PermanentStorageDate: wire.PermanentStorageDate,
		InvoicingMode:        ksef.InvoicingMode(wire.InvoicingMode),
	}
	if err := i.Status.Check(); err != nil {
		i.Unreadable = err.Error()
	}
	return nil
}

// metadataWire decodes one entry of the register. It never fails, so that one odd field of one
// invoice cannot hide the page.
type metadataWire ksef.Metadata

func (m *metadataWire) UnmarshalJSON(raw []byte) error {
	var wire struct {
		InvoiceType          lenient.Text `json:"invoiceType"`
		InvoiceNumber        lenient.Name `json:"invoiceNumber"`
		KSeFNumber           lenient.Name `json:"ksefNumber"`
		IssueDate            ksef.Time    `json:"issueDate"`
		InvoicingMode        lenient.Text `json:"invoicingMode"`
		Seller               partyWire    `json:"seller"`
		Buyer                partyWire    `json:"buyer"`
		Currency             lenient.Text `json:"currency"`
		NetAmount            lenient.Name `json:"netAmount"`
		VATAmount            lenient.Name `json:"vatAmount"`
		GrossAmount          lenient.Name `json:"grossAmount"`
		AcquisitionDate      ksef.Time    `json:"acquisitionDate"`
		PermanentStorageDate ksef.Time    `json:"permanentStorageDate"`
	}
	*m = metadataWire{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil
	}
	*m = metadataWire{
		InvoiceType:          string(wire.InvoiceType),
		InvoiceNumber:        string(wire.InvoiceNumber),
		KSeFNumber:           string(wire.KSeFNumber),
		IssueDate:            wire.IssueDate,
		InvoicingMode:        string(wire.InvoicingMode),
		Seller:               ksef.Party(wire.Seller),
		Buyer:                ksef.Party(wire.Buyer),
		Currency:             string(wire.Currency),
		NetAmount:            json.Number(wire.NetAmount),
		VATAmount:            json.Number(wire.VATAmount),
		GrossAmount:          json.Number(wire.GrossAmount),
		AcquisitionDate:      wire.AcquisitionDate,
		PermanentStorageDate: wire.PermanentStorageDate,
	}
	return nil
}

type partyWire ksef.Party

func (p *partyWire) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Identifier lenient.Text `json:"identifier"`
		Name       lenient.Text `json:"name"`
		Address    lenient.Text `json:"address"`
	}
	*p = partyWire{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil
	}
	*p = partyWire{Identifier: string(wire.Identifier), Name: string(wire.Name), Address: string(wire.Address)}
	return nil
}
