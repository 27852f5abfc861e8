package sample

import "strconv"

// Options describe the invoice. The zero value gives an ordinary sales invoice with three lines,
// about 3 KB.
type Options struct {
	// SellerNIP is the NIP of Podmiot1; empty means NIP(0).
	SellerNIP string
	// Number is P_2, at most 256 characters; empty means "FV/" and Seed.
	Number string
	// Kind is RodzajFaktury: VAT (also when empty), KOR, ZAL, ROZ, UPR, KOR_ZAL or KOR_ROZ.
	// Corrections take back all lines, so their sums are negative.
	Kind string
	// IssueDate is P_1, "2006-01-02"; empty means 2026-01-05, a fixed day so that the bytes stay
	// the same.
	IssueDate string
	// Lines is the number of invoice lines; 0 means 3. The schema allows 10,000.
	Lines int
	// Attachment adds the element Zalacznik.
	Attachment bool
	// PadTo is the size of the document in bytes. The document is padded with remarks. The size is
	// exact, except that the document is up to 100 bytes shorter when the missing bytes are too few
	// for a remark. There is no padding if PadTo is 0 or below the size without remarks. The schema
	// allows 10,000 remarks, which end near 3.5 MB. A larger document is well-formed but breaks the
	// schema.
	PadTo int
	// Seed chooses the buyer, the goods, the quantities and the prices.
	Seed uint64
}

const defaultIssueDate = "2026-01-05"

func (o Options) withDefaults() Options {
	if o.SellerNIP == "" {
		o.SellerNIP = NIP(0)
	}
	if o.Number == "" {
		o.Number = "FV/" + strconv.FormatUint(o.Seed, 10)
	}
	if o.Kind == "" {
		o.Kind = "VAT"
	}
	if o.IssueDate == "" {
		o.IssueDate = defaultIssueDate
	}
	if o.Lines <= 0 {
		o.Lines = 3
	}
	return o
}
