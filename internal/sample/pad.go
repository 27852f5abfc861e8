package sample

import (
	"slices"
	"strconv"
	"strings"
)

// Padding consists of remarks: DodatkowyOpis, the schema's element for free remarks, whose value
// has 1 to 256 characters. The constants are the text of one remark and its sizes in bytes.
const (
	remarkHead   = "\n\t\t<DodatkowyOpis>\n\t\t\t<Klucz>Uwaga "
	remarkMid    = "</Klucz>\n\t\t\t<Wartosc>"
	remarkTail   = "</Wartosc>\n\t\t</DodatkowyOpis>"
	remarkDigits = 6 // digits of the remark's number
	remarkMin    = len(remarkHead) + remarkDigits + len(remarkMid) + 1 + len(remarkTail)
	remarkMax    = remarkMin + 255
)

// filler has no double space, because the schema's token type would collapse it.
const filler = "Towar wydano z magazynu glownego po sprawdzeniu ilosci i jakosci przez odbiorce. "

// pad inserts remarks into the document until it has size bytes. The parameter at is the offset of
// the first remark. pad leaves at most remarkMin-1 bytes missing.
func pad(doc []byte, at, size int) []byte {
	need := size - len(doc)
	if need < remarkMin {
		return doc
	}
	words := strings.Repeat(filler, 256/len(filler)+2)
	padding := make([]byte, 0, need)
	for nr := 1; need >= remarkMin; nr++ {
		length := min(need, remarkMax)
		if rest := need - length; rest > 0 && rest < remarkMin {
			length -= remarkMin - rest // leave enough for one more, so that the size is exact
			if length < remarkMin {
				length = need // impossible: the largest remark is larger than two smallest ones
			}
		}
		digits := strconv.Itoa(nr)
		padding = append(padding, remarkHead...)
		padding = append(padding, strings.Repeat("0", max(0, remarkDigits-len(digits)))+digits...)
		padding = append(padding, remarkMid...)
		value := words[:length-remarkMin+1]
		padding = append(padding, value[:len(value)-1]...)
		padding = append(padding, '.') // not a space, which the token type would remove
		padding = append(padding, remarkTail...)
		need -= length
	}
	return slices.Insert(doc, at, padding...)
}
