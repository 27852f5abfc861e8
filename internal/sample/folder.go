package sample

import (
	"fmt"
	"iter"
	"strings"
)

// Invoices yields the file names and documents of n ordinary invoices of one seller and day, each
// made when it is needed. The numbers (P_2) are FV/2026/01/000001 and so on, with the year and
// month of the issue date. Seed counts up with them. Each function in vary may change the Options
// of invoice i, counted from 0, before the invoice is made.
func Invoices(nip string, n int, issueDate string, vary ...func(i int, o *Options)) iter.Seq2[string, []byte] {
	if issueDate == "" {
		issueDate = defaultIssueDate
	}
	month := strings.ReplaceAll(issueDate, "-", "/")
	if len(month) > 7 {
		month = month[:7]
	}
	return func(yield func(string, []byte) bool) {
		for i := range n {
			o := Options{SellerNIP: nip, IssueDate: issueDate, Seed: uint64(i) + 1, Number: fmt.Sprintf("FV/%s/%06d", month, i+1)}
			for _, f := range vary {
				f(i, &o)
			}
			if !yield(FileName(o), Invoice(o)) {
				return
			}
		}
	}
}

// FileName returns a name for the invoice's file. The name has the seller and the number, in
// characters that every file system allows.
func FileName(o Options) string {
	o = o.withDefaults()
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, o.Number)
	return o.SellerNIP + "_" + name + ".xml"
}
