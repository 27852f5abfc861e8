package fa

// ValidNIP checks the form of a NIP that the Ministry's schemas demand, and its check digit. The
// check digit is the weighted sum of the other digits (weights 6 5 7 2 3 4 5 6 7), modulo 11. A
// remainder of ten is never valid.
func ValidNIP(nip string) bool {
	if !nipForm(nip) {
		return false
	}
	sum := 0
	for i, weight := range [...]int{6, 5, 7, 2, 3, 4, 5, 6, 7} {
		sum += weight * int(nip[i]-'0')
	}
	return sum%11 == int(nip[9]-'0')
}

// nipForm checks the schema's pattern. A NIP has ten digits. The first digit is not 0, and at least
// one of the second and third is not 0.
func nipForm(nip string) bool {
	if len(nip) != 10 || nip[0] == '0' || nip[1:3] == "00" {
		return false
	}
	for _, c := range []byte(nip) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
