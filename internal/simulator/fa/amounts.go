package fa

import (
	"regexp"
	"strings"
)

var amount = regexp.MustCompile(`^-?([1-9][0-9]{0,15}|0)(\.[0-9]{1,2})?$`)

// sums adds up the net amounts and the VAT amounts of an invoice, in hundredths.
func sums(d *document) (net, vat int64) {
	for path, value := range d.texts {
		switch kind, _ := totals(path); kind {
		case "net":
			net += hundredths(value)
		case "vat":
			vat += hundredths(value)
		}
	}
	return net, vat
}

// totals tells whether a path holds one of the totals by VAT rate, and of which kind. The kind is
// "net", "vat", or "" for VAT converted to złoty (P_14_1W and its like). Totals of the kind ""
// count in no sum.
func totals(path string) (kind string, is bool) {
	switch {
	case strings.HasPrefix(path, "Fa/P_13_"):
		return "net", true
	case strings.HasPrefix(path, "Fa/P_14_") && !strings.HasSuffix(path, "W"):
		return "vat", true
	}
	return "", strings.HasPrefix(path, "Fa/P_14_")
}

// hundredths reads an amount that has the form of the schema.
func hundredths(text string) int64 {
	whole, fraction, _ := strings.Cut(token(text), ".")
	var n int64
	for _, c := range strings.TrimPrefix(whole, "-") + (fraction + "00")[:2] {
		n = n*10 + int64(c-'0')
	}
	if strings.HasPrefix(whole, "-") {
		return -n
	}
	return n
}
