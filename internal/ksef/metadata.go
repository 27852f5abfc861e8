package ksef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// SubjectType is the part that the taxpayer has in the invoices that are looked for.
type SubjectType string

// The parts: seller, buyer, third party, authorized subject.
const (
	Subject1          SubjectType = "Subject1"
	Subject2          SubjectType = "Subject2"
	Subject3          SubjectType = "Subject3"
	SubjectAuthorized SubjectType = "SubjectAuthorized"
)

func (s SubjectType) check() error {
	switch s {
	case Subject1, Subject2, Subject3, SubjectAuthorized:
		return nil
	}
	return fmt.Errorf("subjectType %q is none of KSeF's", string(s))
}

// MetadataRequest asks for a page of invoices.
type MetadataRequest struct {
	SubjectType SubjectType `json:"subjectType"`
	Range       Range       `json:"range"`
	PageOffset  int         `json:"pageOffset"` // from 0
	PageSize    int         `json:"pageSize"`
	SortAsc     bool        `json:"sortAsc"`
}

// MetadataPage is a page of invoices.
type MetadataPage struct {
	HasMore bool `json:"hasMore"`
	// IsTruncated: KSeF holds more than it lists; narrow the range.
	IsTruncated          bool       `json:"isTruncated"`
	PermanentStorageDate Time       `json:"permanentStorageDate,omitzero"`
	Invoices             []Metadata `json:"invoices"`
}

// Metadata is what KSeF tells of an invoice without its content. Amounts keep the digits that were sent.
type Metadata struct {
	InvoiceType          string      `json:"invoiceType"`
	InvoiceNumber        string      `json:"invoiceNumber"` // P_2
	KSeFNumber           string      `json:"ksefNumber"`
	IssueDate            Time        `json:"issueDate"` // P_1
	InvoicingMode        string      `json:"invoicingMode"`
	Seller               Party       `json:"seller"`
	Buyer                Party       `json:"buyer"`
	Currency             string      `json:"currency"`
	NetAmount            json.Number `json:"netAmount"`
	VATAmount            json.Number `json:"vatAmount"`
	GrossAmount          json.Number `json:"grossAmount"`
	AcquisitionDate      Time        `json:"acquisitionDate"`
	PermanentStorageDate Time        `json:"permanentStorageDate"`
}

// UnmarshalJSON takes every field loosely: one odd field of one invoice must not hide the page.
func (m *Metadata) UnmarshalJSON(raw []byte) error {
	var wire struct {
		InvoiceType          looseText `json:"invoiceType"`
		InvoiceNumber        looseName `json:"invoiceNumber"`
		KSeFNumber           looseName `json:"ksefNumber"`
		IssueDate            Time      `json:"issueDate"`
		InvoicingMode        looseText `json:"invoicingMode"`
		Seller               Party     `json:"seller"`
		Buyer                Party     `json:"buyer"`
		Currency             looseText `json:"currency"`
		NetAmount            looseName `json:"netAmount"`
		VATAmount            looseName `json:"vatAmount"`
		GrossAmount          looseName `json:"grossAmount"`
		AcquisitionDate      Time      `json:"acquisitionDate"`
		PermanentStorageDate Time      `json:"permanentStorageDate"`
	}
	*m = Metadata{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil
	}
	*m = Metadata{InvoiceType: string(wire.InvoiceType), InvoiceNumber: string(wire.InvoiceNumber), KSeFNumber: string(wire.KSeFNumber),
		IssueDate: wire.IssueDate, InvoicingMode: string(wire.InvoicingMode), Seller: wire.Seller, Buyer: wire.Buyer, Currency: string(wire.Currency),
		NetAmount: json.Number(wire.NetAmount), VATAmount: json.Number(wire.VATAmount), GrossAmount: json.Number(wire.GrossAmount),
		AcquisitionDate: wire.AcquisitionDate, PermanentStorageDate: wire.PermanentStorageDate}
	return nil
}

// Party is a seller or buyer.
type Party struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Address    string `json:"address,omitempty"`
}

// UnmarshalJSON takes texts loosely: a structured identifier or address is kept as its JSON.
func (p *Party) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Identifier looseText `json:"identifier"`
		Name       looseText `json:"name"`
		Address    looseText `json:"address"`
	}
	*p = Party{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil
	}
	*p = Party{Identifier: string(wire.Identifier), Name: string(wire.Name), Address: string(wire.Address)}
	return nil
}

// Metadata lists invoices that KSeF holds, a page at a time. Where the answer does not say in a form that
// is known whether there is more, a full page is taken for a sign of it.
func (c *Client) Metadata(ctx context.Context, r MetadataRequest) (MetadataPage, error) {
	k := post("list metadata", GroupMetadata, "/invoice/metadata", r).upTo(pageAnswer).bad(r.SubjectType.check()).bad(r.Range.check())
	if r.PageOffset < 0 || r.PageSize < 1 {
		k = k.bad(fmt.Errorf("pageOffset %d or pageSize %d is out of range", r.PageOffset, r.PageSize))
	}
	var wire struct {
		MetadataPage
		HasMore     looseFlag   `json:"hasMore"`
		IsTruncated looseFlag   `json:"isTruncated"`
		Invoices    *[]Metadata `json:"invoices"`
	}
	err := c.pass(ctx, k, func(a *answer) error {
		if err := a.json(&wire); err != nil {
			return err
		}
		if wire.Invoices == nil {
			return errors.New("answer has no list of invoices")
		}
		return nil
	})
	if err != nil {
		return MetadataPage{}, err
	}
	page := wire.MetadataPage
	page.Invoices, page.IsTruncated, page.HasMore = *wire.Invoices, wire.IsTruncated.on, wire.HasMore.on
	if !wire.HasMore.given {
		page.HasMore = len(page.Invoices) >= r.PageSize
	}
	return page, nil
}
