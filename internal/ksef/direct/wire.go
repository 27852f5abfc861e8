package direct

import (
	"encoding/json"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/lenient"
)

// invoiceWire decodes an invoice of a session, and keeps KSeF's reference of it. It never fails, so
// that one odd entry cannot make a list of a thousand unreadable.
type invoiceWire struct {
	ksef.InvoiceInfo
	reference string
}

// invoiceFields are the names in KSeF's answer.
type invoiceFields struct {
	OrdinalNumber        lenient.Int     `json:"ordinalNumber"`
	InvoiceNumber        lenient.Name    `json:"invoiceNumber"`
	KSeFNumber           lenient.Name    `json:"ksefNumber"`
	ReferenceNumber      lenient.Name    `json:"referenceNumber"`
	InvoiceHash          lenient.Name    `json:"invoiceHash"`
	InvoiceFileName      lenient.Name    `json:"invoiceFileName"`
	AcquisitionDate      ksef.Time       `json:"acquisitionDate"`
	PermanentStorageDate ksef.Time       `json:"permanentStorageDate"`
	InvoicingMode        lenient.Name    `json:"invoicingMode"`
	Status               ksef.StatusInfo `json:"status"`
}

// UnmarshalJSON never fails.
func (w *invoiceWire) UnmarshalJSON(raw []byte) error {
	var f invoiceFields
	if err := json.Unmarshal(raw, &f); err != nil {
		*w = invoiceWire{InvoiceInfo: ksef.InvoiceInfo{Unreadable: "it is not an object"}}
		return nil
	}
	*w = invoiceWire{reference: string(f.ReferenceNumber), InvoiceInfo: ksef.InvoiceInfo{
		Status:               f.Status,
		Ordinal:              int(f.OrdinalNumber),
		Hash:                 string(f.InvoiceHash),
		FileName:             string(f.InvoiceFileName),
		InvoiceNumber:        string(f.InvoiceNumber),
		KSeFNumber:           string(f.KSeFNumber),
		AcquisitionDate:      f.AcquisitionDate,
		PermanentStorageDate: f.PermanentStorageDate,
		InvoicingMode:        ksef.InvoicingMode(strings.ToLower(string(f.InvoicingMode))),
	}}
	if err := f.Status.Check(); err != nil {
		w.Unreadable = err.Error()
	}
	return nil
}
