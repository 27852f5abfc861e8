package direct

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

type dateRangeWire struct {
	DateType string    `json:"dateType"`
	From     ksef.Time `json:"from"`
	To       ksef.Time `json:"to"`
}

type metadataQueryWire struct {
	SubjectType   ksef.SubjectType `json:"subjectType"`
	DateRange     dateRangeWire    `json:"dateRange"`
	InvoiceNumber string           `json:"invoiceNumber,omitempty"`
}

type metadataPageWire struct {
	HasMore     lenient.Bool               `json:"hasMore"`
	IsTruncated lenient.Bool               `json:"isTruncated"`
	HWM         ksef.Time                  `json:"permanentStorageHwmDate"`
	Invoices    lenient.List[metadataWire] `json:"invoices"`
}

// FindsByNumber reports true, because Metadata obeys InvoiceNumber and returns the hash of each
// invoice.
func (c *Client) FindsByNumber() bool { return true }

// Metadata lists one page of the invoices that KSeF holds, by the date of permanent storage. In a
// list by any other date, KSeF may later add entries before those that were read, and a reader that
// continues from its last place would miss them. KSeF lists at most 10,000 invoices of a query.
// IsTruncated says that the page is the last of these and that KSeF has more invoices.
func (c *Client) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	order := "Desc"
	if r.SortAsc {
		order = "Asc"
	}
	k := query(post("list metadata", ksef.GroupMetadata, "/invoices/query/metadata", metadataQueryWire{
		SubjectType:   r.SubjectType,
		DateRange:     dateRangeWire{"PermanentStorage", r.Range.From, r.Range.To},
		InvoiceNumber: r.InvoiceNumber,
	}), "pageOffset", strconv.Itoa(r.PageOffset), "pageSize", strconv.Itoa(max(r.PageSize, numbers.MinMetadataPage)), "sortOrder", order).
		UpTo(httponce.PageAnswer).Bad(r.SubjectType.Check()).Bad(r.Range.Check())
	if r.PageOffset < 0 || r.PageSize < 1 || r.PageSize > numbers.MaxMetadataPage {
		k = k.Bad(fmt.Errorf("pageOffset %d or pageSize %d is out of range", r.PageOffset, r.PageSize))
	}
	var wire metadataPageWire
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error {
			return whole("invoices", wire.Invoices.Given, wire.Invoices.TooLong)
		})
	})
	if err != nil {
		return ksef.MetadataPage{}, err
	}
	page := ksef.MetadataPage{
		HasMore: wire.HasMore.On, PermanentStorageDate: wire.HWM, Invoices: make([]ksef.Metadata, 0, len(wire.Invoices.Entries)),
		// Only both flags together mean that the range must be moved (contract 2.7.0).
		IsTruncated: wire.IsTruncated.On && wire.HasMore.On,
	}
	if !wire.HasMore.Given {
		page.HasMore = len(wire.Invoices.Entries) >= r.PageSize
	}
	for _, m := range wire.Invoices.Entries {
		page.Invoices = append(page.Invoices, ksef.Metadata(m))
	}
	return page, nil
}

// metadataWire decodes one entry of the register. It never fails, so that one odd field of one
// invoice cannot hide the page.
type metadataWire ksef.Metadata

type metadataFields struct {
	KSeFNumber           lenient.Name `json:"ksefNumber"`
	InvoiceNumber        lenient.Name `json:"invoiceNumber"`
	IssueDate            ksef.Time    `json:"issueDate"`
	AcquisitionDate      ksef.Time    `json:"acquisitionDate"`
	PermanentStorageDate ksef.Time    `json:"permanentStorageDate"`
	Seller               sellerWire   `json:"seller"`
	Buyer                buyerWire    `json:"buyer"`
	NetAmount            lenient.Name `json:"netAmount"`
	GrossAmount          lenient.Name `json:"grossAmount"`
	VATAmount            lenient.Name `json:"vatAmount"`
	Currency             lenient.Text `json:"currency"`
	InvoicingMode        lenient.Text `json:"invoicingMode"`
	InvoiceType          lenient.Text `json:"invoiceType"`
	InvoiceHash          lenient.Name `json:"invoiceHash"`
}

type sellerWire struct {
	NIP  lenient.Text `json:"nip"`
	Name lenient.Text `json:"name"`
}

type buyerWire struct {
	Identifier identifierWire `json:"identifier"`
	Name       lenient.Text   `json:"name"`
}

type identifierWire struct {
	Type  lenient.Text `json:"type"`
	Value lenient.Text `json:"value"`
}

// UnmarshalJSON never fails.
func (m *metadataWire) UnmarshalJSON(raw []byte) error {
	var f metadataFields
	*m = metadataWire{}
	// Fields of another type, such as a seller that is a text, are passed over.
	_ = json.Unmarshal(raw, &f)
	*m = metadataWire{
		InvoiceType:          string(f.InvoiceType),
		InvoiceNumber:        string(f.InvoiceNumber),
		Hash:                 string(f.InvoiceHash),
		KSeFNumber:           string(f.KSeFNumber),
		IssueDate:            f.IssueDate,
		InvoicingMode:        string(f.InvoicingMode),
		Seller:               ksef.Party{Identifier: string(f.Seller.NIP), Name: string(f.Seller.Name)},
		Buyer:                ksef.Party{Identifier: string(f.Buyer.Identifier.Value), Name: string(f.Buyer.Name)},
		Currency:             string(f.Currency),
		NetAmount:            json.Number(f.NetAmount),
		VATAmount:            json.Number(f.VATAmount),
		GrossAmount:          json.Number(f.GrossAmount),
		AcquisitionDate:      f.AcquisitionDate,
		PermanentStorageDate: f.PermanentStorageDate,
	}
	return nil
}
