package invoice

// ValidNIP reports whether s is a NIP, the Polish tax number. A NIP has ten ASCII digits in the
// form that KSeF's XSD allows. The last digit is the weighted sum (6 5 7 2 3 4 5 6 7) of the others
// modulo 11. No NIP has the remainder 10, which is not a digit.
func ValidNIP(s string) bool {
	if !nipShape(s) {
		return false
	}
	const weights = "\x06\x05\x07\x02\x03\x04\x05\x06\x07"
	sum := 0
	for i := range len(weights) {
		sum += int(weights[i]) * int(s[i]-'0')
	}
	return sum%11 == int(s[9]-'0')
}

// nipShape reports whether s matches the pattern of the XSD, [1-9]((\d[1-9])|([1-9]\d))\d{7}. It
// does not check the check digit.
func nipShape(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s[0] != '0' && (s[1] != '0' || s[2] != '0')
}
