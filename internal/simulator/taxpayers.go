package simulator

import (
	"cmp"
	"errors"
)

// Taxpayer is what the Ministry has granted to one taxpayer. Zeros are what everybody has.
type Taxpayer struct {
	NIP string
	// MaxInvoice and MaxInvoiceWithAttachment are in bytes, MaxSessionInvoices a count.
	MaxInvoice, MaxInvoiceWithAttachment, MaxSessionInvoices int
}

// Grant is a permission that one taxpayer gave another: to issue its invoices.
type Grant struct {
	From, To string // NIPs
	// Scope is SelfInvoicing (To buys from From) or TaxRepresentative (To is PodmiotUpowazniony);
	// "" is SelfInvoicing.
	Scope string
}

// Scopes of a [Grant], in KSeF's words.
const (
	SelfInvoicing     = "SelfInvoicing"
	TaxRepresentative = "TaxRepresentative"
)

func (t Taxpayer) validate() error {
	if !validNIP(t.NIP) {
		return &FieldError{Field: "Taxpayer.NIP", Value: t.NIP, Err: errors.New("not a NIP")}
	}
	if t.MaxInvoice < 0 || t.MaxInvoiceWithAttachment < 0 || t.MaxSessionInvoices < 0 {
		return &FieldError{Field: "Taxpayer", Value: t.NIP, Err: errors.New("a negative limit")}
	}
	return nil
}

func (g Grant) validate() error {
	switch {
	case !validNIP(g.From):
		return &FieldError{Field: "Grant.From", Value: g.From, Err: errors.New("not a NIP")}
	case !validNIP(g.To):
		return &FieldError{Field: "Grant.To", Value: g.To, Err: errors.New("not a NIP")}
	case g.Scope != "" && g.Scope != SelfInvoicing && g.Scope != TaxRepresentative:
		return &FieldError{Field: "Grant.Scope", Value: g.Scope, Err: errors.New("neither SelfInvoicing nor TaxRepresentative")}
	}
	return nil
}

// sizes are the limits of one invoice and one session.
type sizes struct{ plain, attached, session int }

func usualSizes() sizes {
	return sizes{plain: plainSize, attached: attachmentSize, session: maxInvoices}
}

// sizesOf gives the limits of a taxpayer; "" is nobody in particular.
func (o Options) sizesOf(nip string) sizes {
	z := usualSizes()
	for _, t := range o.Taxpayers {
		if nip != "" && t.NIP == nip {
			return sizes{cmp.Or(t.MaxInvoice, z.plain), cmp.Or(t.MaxInvoiceWithAttachment, z.attached), cmp.Or(t.MaxSessionInvoices, z.session)}
		}
	}
	return z
}

// largest is the most bytes that anybody's document may have.
func (o Options) largest() int {
	most := attachmentSize
	for _, t := range o.Taxpayers {
		most = max(most, t.MaxInvoice, t.MaxInvoiceWithAttachment)
	}
	return most
}

// issuer is who issues an invoice, and so in whose context it is taken.
func (h *header) issuer() string {
	if h.selfBilled {
		return h.buyerNIP
	}
	return h.nip
}

// mayIssue reports whether an invoice may come in the context of a taxpayer: the seller's own, the
// buyer's with P_17 = 1, or that of PodmiotUpowazniony, the last two with the seller's permission.
func (o Options) mayIssue(h *header, context string) bool {
	granted := func(scope string) bool {
		for _, g := range o.Grants {
			if g.From == h.nip && g.To == context && cmp.Or(g.Scope, SelfInvoicing) == scope {
				return true
			}
		}
		return false
	}
	if h.selfBilled {
		return context == h.buyerNIP && granted(SelfInvoicing)
	}
	return context == h.nip || context == h.agentNIP && granted(TaxRepresentative)
}
