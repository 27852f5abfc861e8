package lenient

import (
	"math"
	"strconv"
	"strings"
)

// Int is a whole number. It takes a number, also one written 200.0, and a string of digits.
// Anything else is 0, "not given".
type Int int

// UnmarshalJSON never fails.
func (n *Int) UnmarshalJSON(raw []byte) error {
	text := strings.TrimSpace(strings.Trim(string(raw), `"`))
	v, err := strconv.Atoi(text)
	if err != nil {
		v = 0
		if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < math.MaxInt32 {
			v = int(f)
		}
	}
	*n = Int(v)
	return nil
}

// Count reads how many there are of something. given is false when the value does not tell: then
// "none" must not be concluded from it. A count below zero tells nothing.
func Count(raw []byte) (n int, given bool) {
	var v Int
	_ = v.UnmarshalJSON(raw)
	zero := strings.Trim(string(raw), `" `) == "0"
	return max(int(v), 0), v > 0 || zero
}
