package fa

import (
	"cmp"
	"strings"
)

// Identity is the three fields by which KSeF recognises a duplicate.
type Identity struct {
	NIP    string // of the seller
	Kind   string // RodzajFaktury
	Number string // P_2 as KSeF writes it (numberOf)
}

// Header is what is kept of a document, about a tenth of what was read. It is small because ten
// thousand headers are in memory until the end of a package. Fields that the document does not have
// are empty.
type Header struct {
	Identity
	Namespace  string // of the root element
	Issued     string // P_1
	Seller     string // name
	BuyerNIP   string
	Buyer      string // name
	AgentNIP   string // of PodmiotUpowazniony
	SelfBilled bool   // P_17 is 1
	Attachment bool
	Currency   string
	// Net, VAT and Gross are in hundredths of the currency. They are set only when the [Result] has
	// code 200.
	Net, VAT, Gross int64
}

// Issuer returns the NIP of the party that issues the invoice. This is the buyer when the invoice
// is self-billed, and otherwise the seller. As a rule the invoice is sent in the context of this
// taxpayer.
func (h *Header) Issuer() string {
	if h.SelfBilled {
		return h.BuyerNIP
	}
	return h.NIP
}

func (d *document) header() *Header {
	return &Header{
		Identity: Identity{
			NIP:    d.text(pathSellerNIP),
			Kind:   token(d.text(pathKind)),
			Number: numberOf(d.text(pathNumber)),
		},
		Namespace: d.namespace, Issued: token(d.text(pathDate)), Seller: token(d.text(pathSellerName)),
		AgentNIP: d.text(pathAgentNIP), SelfBilled: whole(d.text(pathSelfBilled)) == "1",
		BuyerNIP: d.text(pathBuyerNIP), Buyer: token(d.text(pathBuyerName)), Currency: d.text(pathCurrency), Attachment: d.attachment,
	}
}

// numberOf returns P_2 as KSeF writes it. KSeF collapses its white space, including no-break and
// other spaces (KSeF issues 797 and 315). For the schema, no-break and similar spaces are ordinary
// characters, so a number may consist of them alone. Then numberOf keeps them, because the number
// must not become empty.
func numberOf(text string) string {
	return cmp.Or(strings.Join(strings.Fields(text), " "), token(text))
}

// whole returns a positive integer as it is usually written. The schema also allows it with a sign,
// and with zeros before it.
func whole(text string) string {
	return strings.TrimLeft(strings.TrimPrefix(token(text), "+"), "0")
}
