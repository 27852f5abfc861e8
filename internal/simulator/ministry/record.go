package ministry

import (
	"cmp"

	"ksefworker/internal/simulator"
)

type sellerInfo struct {
	NIP  string `json:"nip"`
	Name string `json:"name,omitempty"`
}

type buyerInfo struct {
	Identifier struct {
		Type  string `json:"type"`
		Value string `json:"value,omitempty"`
	} `json:"identifier"`
	Name string `json:"name,omitempty"`
}

type agentInfo struct {
	NIP  string `json:"nip"`
	Role int    `json:"role"`
}

// record is one invoice of the register.
type record struct {
	KsefNumber string     `json:"ksefNumber"`
	Number     string     `json:"invoiceNumber"`
	Issued     string     `json:"issueDate"`
	Sent       string     `json:"invoicingDate"`
	Acquired   string     `json:"acquisitionDate"`
	Stored     string     `json:"permanentStorageDate"`
	Seller     sellerInfo `json:"seller"`
	Buyer      buyerInfo  `json:"buyer"`
	Net        float64    `json:"netAmount"`
	Gross      float64    `json:"grossAmount"`
	VAT        float64    `json:"vatAmount"`
	Currency   string     `json:"currency"`
	Mode       string     `json:"invoicingMode"`
	Type       string     `json:"invoiceType"`
	Form       formCode   `json:"formCode"`
	SelfBilled bool       `json:"isSelfInvoicing"`
	Attachment bool       `json:"hasAttachment"`
	Hash       string     `json:"invoiceHash"`
	Corrects   string     `json:"hashOfCorrectedInvoice,omitempty"`
	Third      []any      `json:"thirdSubjects"`
	Agent      *agentInfo `json:"authorizedSubject,omitempty"`
}

func (m registerOps) record(r simulator.Record) record {
	mode := "Online"
	if r.Offline {
		mode = "Offline"
	}
	x := record{
		KsefNumber: r.KsefNumber, Number: r.Number, Issued: r.Issued, Sent: timestamp(r.Sent), Acquired: timestamp(r.Acquired),
		Stored: timestamp(r.Stored), Seller: sellerInfo{r.SellerNIP, r.Seller}, Net: r.Net, Gross: r.Gross, VAT: r.VAT,
		Currency: r.Currency, Mode: m.oneOf(mode, "Deferred"), Type: m.oneOf(cmp.Or(invoiceTypes()[r.Kind], "Vat"), "VatNowy"),
		Form: formCode{r.SystemCode, "1-0E", "FA"}, SelfBilled: r.SelfBilled, Attachment: r.Attachment,
		Hash: base64Of(r.Hash[:]), Third: []any{},
	}
	x.Buyer.Identifier.Type, x.Buyer.Identifier.Value, x.Buyer.Name = buyerType(r), r.BuyerNIP, r.Buyer
	if r.Corrects != nil {
		x.Corrects = base64Of(r.Corrects)
	}
	if r.AgentNIP != "" {
		x.Agent = &agentInfo{NIP: r.AgentNIP}
	}
	return x
}
