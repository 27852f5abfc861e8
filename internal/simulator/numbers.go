package simulator

import (
	"fmt"
	"time"
)

// validNIP checks the form that the ministry's schemas demand and the check digit: weights 6 5 7 2 3 4 5 6 7, sum mod
// 11; ten is never valid.
func validNIP(nip string) bool {
	if !nipForm(nip) {
		return false
	}
	sum := 0
	for i, weight := range [...]int{6, 5, 7, 2, 3, 4, 5, 6, 7} {
		sum += weight * int(nip[i]-'0')
	}
	return sum%11 == int(nip[9]-'0')
}

// nipForm is the schema's pattern: ten digits, the first not 0, the second and third not both 0.
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

// crc8 has the polynomial 0x07, begins with 0 and reflects nothing.
func crc8(text string) byte {
	var crc byte
	for i := range len(text) {
		crc ^= text[i]
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

// ksefNumber makes the number of an accepted invoice: seller, day of acceptance in Warsaw, twelve hex digits, CRC-8.
// The caller holds mu.
func (s *Simulator) ksefNumber(nip string, acceptance time.Time) string {
	s.serial++
	head := fmt.Sprintf("%s-%s-%06X%06X", nip, acceptance.In(s.warsaw).Format("20060102"), s.random.Uint32()&0xFFFFFF, s.serial)
	return fmt.Sprintf("%s-%02X", head, crc8(head))
}

// reference makes a reference number as KSeF's schemas want it: date, kind, two groups of ten hex digits, CRC-8.
// Kinds: SO online session, SB batch session, EE invoice, EH query. The caller holds mu.
func (s *Simulator) reference(kind string) string {
	head := fmt.Sprintf("%s-%s-%010X-%010X", s.now().In(s.warsaw).Format("20060102"), kind, s.random.Uint64()>>24, s.random.Uint64()>>24)
	return fmt.Sprintf("%s-%02X", head, crc8(head))
}
