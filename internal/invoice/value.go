package invoice

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// addText appends a run of text to the value that is being read.
func (r *reader) addText() {
	raw := r.bytes(r.text)
	plain := !r.textRefs && bytes.IndexByte(raw, '\r') < 0
	if r.value == nil && plain {
		r.value = raw
		return
	}
	if len(r.scratch) == 0 || len(r.value) == 0 || &r.scratch[0] != &r.value[0] {
		r.scratch = append(r.scratch[:0], r.value...) // the value is a part of the document, which must not change
	}
	if r.textRefs {
		r.scratch = r.decode(r.scratch, r.text)
	} else {
		r.scratch = appendLines(r.scratch, raw)
	}
	r.value = r.scratch
}

// endValue stores and checks the value of the element that has just ended.
func (r *reader) endValue(n node) {
	r.inValue = false
	raw := r.value
	limit := 64
	switch n {
	case nodeSellerName, nodeBuyerName:
		limit = 512
	case nodeNumber, nodeKind:
		limit = maxNumber + 1 // one more shows that the value is too long
	}
	value := r.keep(n, raw, limit)
	switch n {
	case nodeSellerNIP:
		r.places.seller = r.place(n)
		if len(value) > 0 && !nipShape(string(raw)) {
			// Checked as written, because the XSD's type keeps white space here.
			rule, hint := nipRule(string(raw), mistypedHint)
			r.reportValue(n, rule, raw, hint)
		}
	case nodeBuyerNIP, nodeThirdNIP, nodeThirdInternal, nodeAuthorisedNIP:
		nip := string(raw)
		if n == nodeThirdInternal {
			nip, _, _ = strings.Cut(nip, "-")
		}
		if !ValidNIP(nip) && r.partyCount < maxFaults {
			r.partyCount++
			*r.nextParty() = &partyFault{field: n.field(), nip: shorten(string(raw)), at: r.place(n)}
		}
	case nodeIssueDate:
		r.places.issueDate = r.place(n)
		if len(value) > 0 {
			r.checkDate(value, raw)
		}
	case nodeNumber, nodeKind:
		if utf8.RuneCount(value) > maxNumber {
			r.reportValue(n, "must have at most 256 characters", value, "")
		}
	}
}

// nextParty returns the end of the list of party faults. The end is at most maxFaults steps away.
func (r *reader) nextParty() **partyFault {
	end := &r.parties
	for *end != nil {
		end = &(*end).next
	}
	return end
}

// maxNumber is the maximum length of P_2 in characters, the XSD's TZnakowy.
const maxNumber = 256

// The XSD's bounds of P_1, TDataT.
const firstDate, lastDate = "2006-01-01", "2050-01-01"

func (r *reader) checkDate(value, raw []byte) {
	if _, _, _, ok := dateShape(string(value)); !ok {
		r.reportValue(nodeIssueDate, ruleDate, raw, "write it like 2026-11-23")
		return
	}
	if string(value) < firstDate || string(value) > lastDate {
		r.reportValue(nodeIssueDate, "must be between "+firstDate+" and "+lastDate, raw, "check the year")
	}
}

// keep stores the value of n among the values, with its white space collapsed and cut to limit
// characters.
func (r *reader) keep(n node, raw []byte, limit int) []byte {
	from := len(r.values)
	gap, runes := false, 0
	for i := 0; i < len(raw) && runes < limit; {
		if isSpace(raw[i]) {
			gap = len(r.values) > from
			i++
			continue
		}
		if gap {
			r.values = append(r.values, ' ')
			gap = false
			if runes++; runes == limit {
				break
			}
		}
		_, size := utf8.DecodeRune(raw[i:])
		r.values = append(r.values, raw[i:i+size]...)
		i += size
		runes++
	}
	r.found[n] = span{from, len(r.values)}
	return r.values[from:]
}

func (r *reader) place(n node) position { return r.mark.locate(r.data, int(r.startAt[n])) }
