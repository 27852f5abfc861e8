package invoice

import (
	"crypto/sha256"
	"strings"
	"unicode/utf8"
)

// ParseOptions say what Parse refuses before anything else is known of a document. The zero value
// is KSeF's rule for every taxpayer.
type ParseOptions struct {
	// MaxSize is the largest document in bytes; 0 means [MaxSize]. Check applies the finer limits.
	MaxSize int64
	// TakeDiscouraged takes discouraged Unicode characters, as production does;
	// [Header.Discouraged] tells of them.
	TakeDiscouraged bool
}

// Parse is [ParseWith] the zero options.
func Parse(data []byte) (Header, error) { return ParseWith(data, ParseOptions{}) }

// ParseWith reads the header of one invoice and checks that the document is well-formed and of a
// kind that KSeF takes: one pass, no tree, two allocations. data is not kept.
//
// A document that is not well-formed, is empty, larger than o.MaxSize, not in UTF-8, or bears what
// KSeF refuses in every document (DOCTYPE, processing instructions, discouraged Unicode) fails with
// the first such fault. Otherwise all faults of the fields are reported together: a root that is
// not FA(3)'s or FA(2)'s Faktura, a form that disagrees with its namespace, and P_1, P_2,
// RodzajFaktury or the seller's NIP missing, given twice, empty or not of their shape. See
// FieldError and FieldErrors.
//
// With an error the Header holds what was read until then, Size and (up to o.MaxSize) Hash always:
// good for a listing, never for sending.
//
// It is not a validation against the XSD; package xsd does that.
func ParseWith(data []byte, o ParseOptions) (Header, error) {
	h := Header{Size: int64(len(data))}
	if o.MaxSize == 0 {
		o.MaxSize = MaxSize
	}
	if h.Size > o.MaxSize {
		return h, TooLarge(h.Size, o.MaxSize)
	}
	h.Hash = sha256.Sum256(data)
	// One allocation of room that serves every honest document; append finds more for the others. A pool would save it and would be package state.
	room := new(struct {
		open     [16]element
		bindings [8]binding
		attrs    [8]attribute
		values   [512]byte
	})
	r := reader{
		scanner: scanner{
			data: data, open: room.open[:0], bindings: room.bindings[:0], attrs: room.attrs[:0], lenient: o.TakeDiscouraged,
		},
		values: room.values[:0],
	}
	err := r.read()
	r.fill(&h)
	if err != nil {
		return h, err
	}
	r.require()
	return h, joinFaults(r.faults)
}

// reader collects the header from the scanner's tokens.
type reader struct {
	scanner

	path   [maxKnownDepth]node // of the open elements that are known
	known  int                 // how many of the open elements are known: the innermost may be deeper
	formNS nsID                // the root's namespace

	seen    [nodeCount]bool
	startAt [nodeCount]int32 // offset of the last start tag of the node

	// The value being read, if any. One run of text is taken as it stands in the document; only a second run is copied together.
	inValue bool
	value   []byte
	scratch []byte

	values []byte // all values found, one after the other, to become one string
	found  [nodeCount]span
	system span // attribute kodSystemowy
	schema span // attribute wersjaSchemy

	faults  []*FieldError
	parties *partyFault
	places  places

	partyCount int
}

// maxKnownDepth is Faktura/Podmiot1/DaneIdentyfikacyjne/NIP.
const maxKnownDepth = 4

func (r *reader) read() error {
	if err := r.prolog(); err != nil {
		return err
	}
	for {
		t, err := r.next()
		if err != nil {
			return err
		}
		switch t {
		case tokenEOF:
			return nil
		case tokenStart:
			if err := r.start(); err != nil {
				return err
			}
		case tokenText:
			if r.inValue {
				r.addText()
			}
		case tokenEnd:
			if len(r.open) < r.known {
				r.known--
				if r.inValue {
					r.endValue(r.path[r.known])
				}
			}
		}
	}
}

// start follows the path downwards.
func (r *reader) start() *FieldError {
	depth := len(r.open)
	if depth == 1 {
		if err := r.root(); err != nil {
			return err
		}
		r.path[0], r.known = nodeFaktura, 1
		return nil
	}
	if r.known != depth-1 {
		return nil // inside something unknown
	}
	parent := r.path[r.known-1]
	if parent.isText() {
		r.inValue = false
		r.report(r.tokenAt, FieldError{Field: parent.field(), Rule: "must hold text, not elements", Value: r.excerpt(r.tokenAt)})
		return nil
	}
	if r.ns != r.formNS {
		return nil
	}
	n := parent.child(r.bytes(r.name))
	if n == nodeOther {
		return nil
	}
	if r.seen[n] && !n.repeats() {
		r.report(r.tokenAt, FieldError{Field: n.field(), Rule: "must be given once", Value: r.excerpt(r.tokenAt)})
		return nil
	}
	r.seen[n], r.startAt[n] = true, int32(r.tokenAt)
	r.path[r.known] = n
	r.known++
	if n.isText() {
		r.inValue, r.value = true, nil
		if n == nodeKodFormularza {
			r.formAttributes()
			r.places.form = r.place(n)
		}
	}
	return nil
}

// addText adds a run of text to the value being read.
func (r *reader) addText() {
	if r.value == nil && !r.textRefs {
		r.value = r.bytes(r.text)
		return
	}
	if len(r.scratch) == 0 || len(r.value) == 0 || &r.scratch[0] != &r.value[0] {
		r.scratch = append(r.scratch[:0], r.value...) // the value was a piece of the document: never append to that
	}
	if r.textRefs {
		r.scratch = r.decode(r.scratch, r.text)
	} else {
		r.scratch = append(r.scratch, r.bytes(r.text)...)
	}
	r.value = r.scratch
}

// endValue stores and judges the value that ended with its element.
func (r *reader) endValue(n node) {
	r.inValue = false
	raw := r.value
	limit := 64
	switch n {
	case nodeSellerName, nodeBuyerName:
		limit = 512
	case nodeNumber, nodeKind:
		limit = maxNumber + 1 // one more shows that it is too long
	}
	value := r.keep(n, raw, limit)
	switch n {
	case nodeSellerNIP:
		r.places.seller = r.place(n)
		if len(value) > 0 && !nipShape(string(raw)) {
			// Judged as written: the XSD's type does not collapse white space here.
			r.reportValue(n, ruleNIPShape, raw, "digits only, without PL, spaces or hyphens")
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
			r.judgeDate(value, raw)
		}
	case nodeNumber, nodeKind:
		if utf8.RuneCount(value) > maxNumber {
			r.reportValue(n, "must have at most 256 characters", value, "")
		}
	}
}

// nextParty returns the end of the list, at most maxFaults steps away.
func (r *reader) nextParty() **partyFault {
	end := &r.parties
	for *end != nil {
		end = &(*end).next
	}
	return end
}

// maxNumber is the longest P_2 in characters, the XSD's TZnakowy.
const maxNumber = 256

// The XSD's bounds of P_1, TDataT.
const firstDate, lastDate = "2006-01-01", "2050-01-01"

func (r *reader) judgeDate(value, raw []byte) {
	if _, _, _, ok := dateShape(string(value)); !ok {
		r.reportValue(nodeIssueDate, ruleDate, raw, "write it like 2026-11-23")
		return
	}
	if string(value) < firstDate || string(value) > lastDate {
		r.reportValue(nodeIssueDate, "must be between "+firstDate+" and "+lastDate, raw, "look at the year")
	}
}

// keep collapses white space, cuts to limit characters and stores the result among the values.
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
