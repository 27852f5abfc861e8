package sample

import "strconv"

// Options say what the invoice is to be. The zero value gives an ordinary sales invoice of three lines, about 3 KB.
type Options struct {
	// SellerNIP is Podmiot1's NIP; empty means NIP(0).
	SellerNIP string
	// Number is P_2, at most 256 characters; empty means one made of Seed.
	Number string
	// Kind is RodzajFaktury: VAT (also when empty), KOR, ZAL, ROZ, UPR, KOR_ZAL or KOR_ROZ. Corrections take back all lines, so their sums are negative.
	Kind string
	// IssueDate is P_1, "2006-01-02"; empty means 2026-01-05, a fixed day so that the bytes stay the same.
	IssueDate string
	// Lines is the number of invoice lines; 0 means 3, the schema allows 10,000.
	Lines int
	// Attachment adds element Zalacznik.
	Attachment bool
	// PadTo makes the document that many bytes long, exactly or, where less than a remark is missing, some 100 bytes short. 0, or less than the document
	// has anyway, means no padding. The schema's 10,000 remarks end near 3.4 MB; beyond that the document is only well-formed.
	PadTo int
	// Seed chooses buyer, goods, quantities and prices.
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
