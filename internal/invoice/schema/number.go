package schema

// Number is a decimal number in canonical form.
type Number struct {
	Negative bool
	Whole    string // digits before the point without leading zeros, "" for 0
	Fraction string // digits after the point without trailing zeros
}

// number is a Number whose digits are parts of the document.
type number struct {
	negative        bool
	whole, fraction []byte
	given           int // number of digits, without leading zeros but with trailing zeros
}

// maxDigits is the maximum number of digits of a value before and after the point together. XML
// Schema lets a processor have such a limit; libxml2 has this one. The schemas' own limits are
// lower wherever they have one.
const maxDigits = 24

// parseNumber reads the lexical form of xsd:decimal, or of xsd:integer.
func parseNumber(text []byte, integer bool) (n number, ok bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		i = 1
	}
	from := i
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	whole := text[from:i]
	var fraction []byte
	if i < len(text) && text[i] == '.' && !integer {
		i++
		from = i
		for i < len(text) && text[i]-'0' <= 9 {
			i++
		}
		fraction = text[from:i]
	}
	if i < len(text) || len(whole)+len(fraction) == 0 {
		return n, false
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	n.given = len(whole) + len(fraction)
	for len(fraction) > 0 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	n.whole, n.fraction = whole, fraction
	n.negative = n.negative && len(whole)+len(fraction) > 0
	return n, true
}

// total returns the number of digits that count for totalDigits. 0.05 has two.
func (n number) total() int { return len(n.whole) + len(n.fraction) }

// compare returns -1, 0 or 1.
func (n number) compare(b *Number) int {
	if n.negative != b.Negative {
		if n.negative {
			return -1
		}
		return 1
	}
	order := len(n.whole) - len(b.Whole)
	if order == 0 {
		order = compareText(n.whole, b.Whole)
	}
	if order == 0 {
		order = compareText(n.fraction, b.Fraction) // without trailing zeros, the longer is greater
	}
	if n.negative {
		order = -order
	}
	return max(-1, min(1, order))
}

func compareText(a []byte, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

// NumberOf parses a number for a table.
func NumberOf(text string) (Number, bool) {
	n, ok := parseNumber([]byte(text), false)
	return Number{Negative: n.negative, Whole: string(n.whole), Fraction: string(n.fraction)}, ok
}
