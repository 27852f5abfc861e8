package sample

import "strconv"

// grosz is an amount of money in 1/100 złoty. Floats are unsuitable for money, because 0.1 has no
// exact binary form and the sums of an invoice must be exact.
type grosz int64

// appendTo writes the amount in the form of the schema's TKwotowy: two digits after the point, and
// a minus in front of a negative amount.
func (g grosz) appendTo(b []byte) []byte {
	if g < 0 {
		b = append(b, '-')
		g = -g
	}
	b = strconv.AppendInt(b, int64(g/100), 10)
	return append(b, '.', byte('0'+g/10%10), byte('0'+g%10))
}

// percent returns rate percent of g. Halves are rounded away from zero, as art. 106e(11) of the VAT
// act demands.
func (g grosz) percent(rate int64) grosz { return grosz(divide(int64(g)*rate, 100)) }

// times returns the price of a quantity in thousandths of a unit. Halves are rounded away from
// zero.
func (g grosz) times(milli int64) grosz { return grosz(divide(int64(g)*milli, 1000)) }

func divide(a, b int64) int64 {
	if a < 0 {
		return -divide(-a, b)
	}
	return (a + b/2) / b
}

// appendQuantity writes thousandths of a unit without trailing zeros.
func appendQuantity(b []byte, milli int64) []byte {
	if milli < 0 {
		b = append(b, '-')
		milli = -milli
	}
	b = strconv.AppendInt(b, milli/1000, 10)
	if rest := milli % 1000; rest != 0 {
		b = append(b, '.')
		for rest != 0 {
			b = append(b, byte('0'+rest/100))
			rest = rest % 100 * 10
		}
	}
	return b
}
