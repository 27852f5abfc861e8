package simulator

import (
	"cmp"
	"errors"

	"ksefworker/internal/simulator/fa"
)

// Taxpayer is what the Ministry has granted to one taxpayer. A number that is 0 stands for the
// limit that everybody has.
type Taxpayer struct {
	NIP string
	// MaxInvoice and MaxInvoiceWithAttachment are in bytes. MaxSessionInvoices is a count.
	MaxInvoice, MaxInvoiceWithAttachment, MaxSessionInvoices int
}

// Grant lets the taxpayer To issue the invoices of the taxpayer From.
type Grant struct {
	From, To string // NIPs
	// Scope is SelfInvoicing (To buys from From) or TaxRepresentative (To is PodmiotUpowazniony);
	// "" is SelfInvoicing.
	Scope string
}

// Scopes of a [Grant], as KSeF names them.
const (
	SelfInvoicing     = "SelfInvoicing"
	TaxRepresentative = "TaxRepresentative"
)

func (t Taxpayer) validate() error {
	if !fa.ValidNIP(t.NIP) {
		return &FieldError{Field: "Taxpayer.NIP", Value: t.NIP, Err: errors.New("not a NIP")}
	}
	if t.MaxInvoice < 0 || t.MaxInvoiceWithAttachment < 0 || t.MaxSessionInvoices < 0 {
		return &FieldError{Field: "Taxpayer", Value: t.NIP, Err: errors.New("a negative limit")}
	}
	return nil
}

func (g Grant) validate() error {
	switch {
	case !fa.ValidNIP(g.From):
		return &FieldError{Field: "Grant.From", Value: g.From, Err: errors.New("not a NIP")}
	case !fa.ValidNIP(g.To):
		return &FieldError{Field: "Grant.To", Value: g.To, Err: errors.New("not a NIP")}
	case g.Scope != "" && g.Scope != SelfInvoicing && g.Scope != TaxRepresentative:
		return &FieldError{Field: "Grant.Scope", Value: g.Scope, Err: errors.New("neither SelfInvoicing nor TaxRepresentative")}
	}
	return nil
}

// taxpayer returns what was granted to a taxpayer. Without a grant, and for the NIP "", it returns
// the zero value, which is what everybody has.
func (o Options) taxpayer(nip string) Taxpayer {
	for _, t := range o.Taxpayers {
		if nip != "" && t.NIP == nip {
			return t
		}
	}
	return Taxpayer{}
}

// sizesOf returns how large the documents of a taxpayer may be.
func (o Options) sizesOf(nip string) fa.Sizes {
	t, usual := o.taxpayer(nip), fa.UsualSizes()
	return fa.Sizes{
		Plain:          cmp.Or(t.MaxInvoice, usual.Plain),
		WithAttachment: cmp.Or(t.MaxInvoiceWithAttachment, usual.WithAttachment),
	}
}

// maxInvoicesOf returns how many invoices one session of a taxpayer may hold.
func (o Options) maxInvoicesOf(nip string) int {
	return cmp.Or(o.taxpayer(nip).MaxSessionInvoices, maxInvoices)
}

// maxDocument returns the size in bytes that no document may exceed, whoever sends it.
func (o Options) maxDocument() int {
	size := fa.UsualSizes().WithAttachment
	for _, t := range o.Taxpayers {
		size = max(size, t.MaxInvoice, t.MaxInvoiceWithAttachment)
	}
	return size
}

// mayIssue reports whether an invoice may be sent in the context of a taxpayer. With P_17 = 1 only
// the buyer may send it. Otherwise the seller or PodmiotUpowazniony may. Buyer and
// PodmiotUpowazniony need the seller's permission.
func (o Options) mayIssue(h *fa.Header, context string) bool {
	granted := func(scope string) bool {
		for _, g := range o.Grants {
			if g.From == h.NIP && g.To == context && cmp.Or(g.Scope, SelfInvoicing) == scope {
				return true
			}
		}
		return false
	}
	if h.SelfBilled {
		return context == h.BuyerNIP && granted(SelfInvoicing)
	}
	return context == h.NIP || context == h.AgentNIP && granted(TaxRepresentative)
}
