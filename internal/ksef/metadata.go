package ksef

import (
	"encoding/json"
	"fmt"
)

// SubjectType is the role of the taxpayer in the invoices that are searched for.
type SubjectType string

// The roles are seller, buyer, third party and authorized subject, in this order.
const (
	Subject1          SubjectType = "Subject1"
	Subject2          SubjectType = "Subject2"
	Subject3          SubjectType = "Subject3"
	SubjectAuthorized SubjectType = "SubjectAuthorized"
)

// Check returns an error for a role that KSeF does not have.
func (s SubjectType) Check() error {
	switch s {
	case Subject1, Subject2, Subject3, SubjectAuthorized:
		return nil
	}
	return fmt.Errorf("KSeF has no subjectType %q", string(s))
}

// MetadataRequest asks KSeF's register for a page of invoices.
type MetadataRequest struct {
	SubjectType SubjectType
	Range       Range
	PageOffset  int // from 0
	PageSize    int // invoices; at least 1
	SortAsc     bool
	// InvoiceNumber asks for invoices of this P_2 alone. "" asks for all. The gateway at ksefapi.pl
	// has no such filter and lists all.
	InvoiceNumber string
}

// MetadataPage is a page of invoices.
type MetadataPage struct {
	HasMore bool
	// IsTruncated says that KSeF holds more than it lists. Narrow the range.
	IsTruncated          bool
	PermanentStorageDate Time
	Invoices             []Metadata
}

// Metadata is what KSeF tells about an invoice without its content. Amounts keep the digits that
// were sent.
type Metadata struct {
	InvoiceType          string
	InvoiceNumber        string // P_2
	Hash                 string // SHA-256 of the exact bytes, in Base64; "" when it is not given
	KSeFNumber           string
	IssueDate            Time // P_1
	InvoicingMode        string
	Seller               Party
	Buyer                Party
	Currency             string
	NetAmount            json.Number
	VATAmount            json.Number
	GrossAmount          json.Number
	AcquisitionDate      Time
	PermanentStorageDate Time
}

// Party is a seller or buyer. An identifier or address that is structured is kept as its JSON.
type Party struct {
	Identifier string
	Name       string
	Address    string
}
