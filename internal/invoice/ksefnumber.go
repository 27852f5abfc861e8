package invoice

import (
	"fmt"
	"strconv"
	"strings"
)

// KsefNumber is the number that KSeF gives to an accepted invoice. The zero value is not a number.
type KsefNumber struct {
	// SellerNIP is the first ten digits of the number. Their check digit is not checked, because
	// the test environment gives numbers to invented NIPs.
	SellerNIP string
	// Date is the day of acceptance, "2006-01-02".
	Date string

	text string
}

// String returns the number as it was written, 35 or 36 characters.
func (n KsefNumber) String() string { return n.text }

// Canonical returns the 35-character form, which is equal for two spellings of one number.
func (n KsefNumber) Canonical() string { return CanonicalKsefNumber(n.text) }

// CanonicalKsefNumber returns a form that is equal for two spellings of one KSeF number. It removes
// white space around the number, and the hyphen in the middle of the twelve hex digits. It does not
// check that s is a KSeF number.
func CanonicalKsefNumber(s string) string {
	s = strings.TrimSpace(s)
	if len(s) == ksefOldLen && s[26] == '-' {
		return s[:26] + s[27:]
	}
	return s
}

// OlderSpelling returns the 36-character form of a number in the canonical form; "" for a text of
// another length.
func OlderSpelling(canonical string) string {
	if len(canonical) != ksefLen {
		return ""
	}
	return canonical[:26] + "-" + canonical[26:]
}

const (
	ksefLen    = 35 // NIP-YYYYMMDD-12 hex digits-CRC
	ksefOldLen = 36 // KSeF 1.x wrote the twelve digits as 6-6
	ksefBody   = 32 // what the CRC covers, in the 35-character form
)

// ParseKsefNumber reads a KSeF number in one of its two forms. The form of 35 characters
// (9999999999-YYYYMMDD-FFFFFFFFFFFF-FF) must have a correct CRC-8. In the form of 36
// (…-FFFFFF-FFFFFF-FF) the last two digits need not be the CRC-8. ParseKsefNumber refuses
// lower-case hex digits, as KSeF's own schema does. The error says which part is wrong.
//
// KSeF 1.x gave numbers of the longer form, and their last two digits are not this checksum (public
// example: 7781464139-20230721-80B510-9675F7-B5). Such numbers still occur as the originals of
// duplicates.
func ParseKsefNumber(s string) (KsefNumber, error) {
	bad := func(rule string) (KsefNumber, error) {
		return KsefNumber{}, fmt.Errorf("parse KSeF number %q: %s", shorten(s), rule)
	}
	n := KsefNumber{text: s}
	switch {
	case len(s) == ksefOldLen && s[26] != '-', len(s) != ksefLen && len(s) != ksefOldLen:
		return bad("must have 35 characters, 9999999999-YYYYMMDD-FFFFFFFFFFFF-FF, " +
			"or 36 with the twelve hex digits written as 6-6")
	}
	canonical := n.Canonical()
	if canonical[10] != '-' || canonical[19] != '-' || canonical[32] != '-' {
		return bad("must have hyphens after the NIP, the date and the twelve hex digits")
	}
	n.SellerNIP = canonical[:10]
	if !nipShape(n.SellerNIP) {
		return bad("must begin with the seller's NIP, ten digits")
	}
	n.Date = canonical[11:15] + "-" + canonical[15:17] + "-" + canonical[17:19]
	if _, _, _, ok := dateShape(n.Date); !ok {
		return bad("must contain the date of acceptance as YYYYMMDD")
	}
	if !upperHex(canonical[20:32]) || !upperHex(canonical[33:]) {
		return bad("must have upper-case hex digits after the date")
	}
	if len(s) == ksefOldLen {
		return n, nil
	}
	want, _ := strconv.ParseUint(canonical[33:], 16, 8)
	if got := KsefChecksum(canonical[:ksefBody]); byte(want) != got {
		return bad(fmt.Sprintf("its checksum must be %02X", got))
	}
	return n, nil
}

// KsefChecksum returns the CRC-8 (polynomial 0x07, initial value 0, no reflection) of the first 32
// characters of a KSeF number in its 35-character form. These are the characters before the last
// hyphen. KsefChecksum does not check the length of its argument.
func KsefChecksum(first32 string) byte {
	var crc byte
	for i := range len(first32) {
		crc ^= first32[i]
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x07
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

func upperHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
