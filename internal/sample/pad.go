package sample

import (
	"slices"
	"strconv"
	"strings"
)

// remark is what the padding is made of: DodatkowyOpis, the schema's place for free remarks, whose value has 1 to 256 characters.
const (
	remarkHead = "\n\t\t<DodatkowyOpis>\n\t\t\t<Klucz>Uwaga "
	remarkMid  = "</Klucz>\n\t\t\t<Wartosc>"
	remarkTail = "</Wartosc>\n\t\t</DodatkowyOpis>"
	remarkNr   = 6 // digits of its number
	remarkFew  = len(remarkHead) + remarkNr + len(remarkMid) + 1 + len(remarkTail)
	remarkFull = remarkFew + 255
)

// filler has no double space: the schema's token type would collapse it.
const filler = "Towar wydano z magazynu glownego po sprawdzeniu ilosci i jakosci przez odbiorce. "

// pad inserts remarks at offset at until the document has size bytes.
func pad(doc []byte, at, size int) []byte {
	need := size - len(doc)
	if need < remarkFew {
		return doc
	}
	words := strings.Repeat(filler, 256/len(filler)+2)
	padding := make([]byte, 0, need)
	for nr := 1; need >= remarkFew; nr++ {
		length := min(need, remarkFull)
		if rest := need - length; rest > 0 && rest < remarkFew {
			length -= remarkFew - rest // leave enough for one more, so that the size comes out exactly
			if length < remarkFew {
				length = need // cannot be: a full remark is larger than two small ones
			}
		}
		digits := strconv.Itoa(nr)
		padding = append(padding, remarkHead...)
		padding = append(padding, strings.Repeat("0", max(0, remarkNr-len(digits)))+digits...)
		padding = append(padding, remarkMid...)
		value := words[:length-remarkFew+1]
		padding = append(padding, value[:len(value)-1]...)
		padding = append(padding, '.') // never a space at the end, for the same reason
		padding = append(padding, remarkTail...)
		need -= length
	}
	return slices.Insert(doc, at, padding...)
}
