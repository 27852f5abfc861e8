package lenient

import (
	"math"
	"strconv"
	"strings"
)

// Int is a whole number. In JSON it may be a number, such as 200 or 200.0, or a string that holds
// such a number. Anything else is read as 0, which means "not given".
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

// Count reads a number of things. given is false when raw is not a whole number, or is negative.
// When given is false, n is 0, which must not be taken for a count of zero. Only 0 itself counts as
// zero.
func Count(raw []byte) (n int, given bool) {
	var v Int
	_ = v.UnmarshalJSON(raw)
	zero := strings.Trim(string(raw), `" `) == "0"
	return max(int(v), 0), v > 0 || zero
}
