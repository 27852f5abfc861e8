package report

import (
	"fmt"
	"math/big"
	"strings"

	"ksefworker/internal/explain"
)

// Amount is a sum of money in hundredths, exact. The zero value is 0.00.
type Amount struct{ hundredths big.Int }

// maxAmountDigits bounds the digits before the point of an amount. The form allows 16.
const maxAmountDigits = 20

// ParseAmount reads an amount in the form of FA(3). Such an amount consists of an optional minus,
// digits, and optionally a point with one or two digits.
func ParseAmount(text string) (*Amount, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, part, point := strings.Cut(digits, ".")
	isNumber := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !isNumber(whole) || point && !isNumber(part) || len(part) > 2 || len(whole) > maxAmountDigits {
		return nil, fmt.Errorf("amount %.40q is not of the form 123.45", text)
	}
	a := &Amount{}
	a.hundredths.SetString(whole+(part + "00")[:2], 10)
	if negative {
		a.hundredths.Neg(&a.hundredths)
	}
	return a, nil
}

// Add adds another amount.
func (a *Amount) Add(b *Amount) { a.hundredths.Add(&a.hundredths, &b.hundredths) }

// Sign is -1, 0 or 1.
func (a *Amount) Sign() int { return a.hundredths.Sign() }

// String writes the amount with two digits after the point, as in "-1234.50".
func (a *Amount) String() string {
	text := fmt.Sprintf("%03d", new(big.Int).Abs(&a.hundredths))
	sign := ""
	if a.Sign() < 0 {
		sign = "-"
	}
	return sign + text[:len(text)-2] + "." + text[len(text)-2:]
}

// In writes the amount as is usual in a language, for example "1 234,50" (with no-break spaces) in
// Polish and "1,234.50" in English.
func (a *Amount) In(l explain.Language) string {
	point, group := ".", ","
	if l == explain.Polish {
		point, group = ",", "\u00a0"
	}
	digits, negative := strings.CutPrefix(a.String(), "-")
	whole, part, _ := strings.Cut(digits, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + group + whole[at:]
	}
	if negative {
		whole = "-" + whole
	}
	return whole + point + part
}

// MarshalText makes the amount a string in JSON, because many readers would round a number.
func (a *Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Float returns the nearest float64, for charts and spreadsheets. exact reports whether f, rounded
// to hundredths, is sure to be the amount. It is false for amounts beyond about 90 trillion.
func (a *Amount) Float() (f float64, exact bool) {
	f, _ = new(big.Rat).SetFrac(&a.hundredths, big.NewInt(100)).Float64()
	return f, a.hundredths.IsInt64() && a.hundredths.CmpAbs(big.NewInt(1<<53)) < 0
}
