package simulator

import (
	"fmt"
	"time"
)

// crc8 computes CRC-8 with the polynomial 0x07, the initial value 0 and no reflection.
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

// ksefNumber makes the number of an accepted invoice: seller, day of acceptance in Warsaw, twelve
// hex digits, CRC-8. The caller holds mu.
func (c *core) ksefNumber(nip string, acceptance time.Time) string {
	c.serial++
	head := fmt.Sprintf("%s-%s-%06X%06X", nip, acceptance.In(c.warsaw).Format("20060102"), c.random.Uint32()&0xFFFFFF, c.serial)
	return fmt.Sprintf("%s-%02X", head, crc8(head))
}

// reference makes a reference number in the form of KSeF's schemas: date, kind, two groups of ten
// hex digits, CRC-8. The kinds of the gateway are SO (online session), SB (batch session), EE
// (invoice) and EH (query). The Ministry's API adds CR (challenge), AU (login), EC (token) and CE
// (request for a certificate). The caller holds mu.
func (c *core) reference(kind string) string {
	day := c.now().In(c.warsaw).Format("20060102")
	head := fmt.Sprintf("%s-%s-%010X-%010X", day, kind, c.random.Uint64()>>24, c.random.Uint64()>>24)
	return fmt.Sprintf("%s-%02X", head, crc8(head))
}
