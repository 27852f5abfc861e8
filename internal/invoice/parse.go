package invoice

import (
	"crypto/sha256"

	"ksefworker/internal/invoice/schema"
)

// ParseOptions relax the rules of Parse. The zero value has the rules of KSeF's test environment,
// and the maximum size that KSeF sets for every taxpayer.
type ParseOptions struct {
	// MaxSize is the maximum size of a document in bytes; 0 means [MaxSize]. Check applies the
	// separate limits of invoices with and without attachment.
	MaxSize int64
	// AllowDiscouraged accepts discouraged Unicode characters, as production does.
	// [Header.Discouraged] reports the first of them.
	AllowDiscouraged bool
}

// Parse calls [ParseWith] with the zero options.
func Parse(data []byte) (Header, error) { return ParseWith(data, ParseOptions{}) }

// ParseWith reads the header of one invoice and checks that the document is well-formed and of a
// form that KSeF accepts. It reads data once without building a tree, makes two allocations for an
// ordinary document, and keeps no reference to data.
//
// A document fails with its first fault when:
//   - It is empty, larger than o.MaxSize, not in UTF-8 or not well-formed.
//   - Its root is not Faktura of FA(3) or FA(2).
//   - It contains something that KSeF refuses in every document: DOCTYPE, processing instructions
//     and, without o.AllowDiscouraged, discouraged Unicode.
//
// Otherwise all faults of the fields are reported together. It is a fault when the declared form
// disagrees with the namespace of the root. It is also a fault when P_1, P_2, RodzajFaktury or the
// seller's NIP is missing, given twice, empty or malformed. See FieldError and FieldErrors.
//
// If ParseWith returns an error, the Header holds what was read so far. Size is always set, and
// Hash is set unless the document is larger than o.MaxSize. Such a header is good for a listing,
// never for sending.
//
// ParseWith also checks the document against the schema of its form. It returns the breaches of the
// schema only together with other faults. When there are no other faults, only [Check] reports
// them, because a document that KSeF accepted long ago must remain readable.
func ParseWith(data []byte, o ParseOptions) (Header, error) {
	h := Header{Size: int64(len(data))}
	if o.MaxSize == 0 {
		o.MaxSize = MaxSize
	}
	if h.Size > o.MaxSize {
		return h, TooLarge(h.Size, o.MaxSize)
	}
	h.Hash = sha256.Sum256(data)
	r := newReader(data, o.AllowDiscouraged)
	err := r.read()
	r.fill(&h)
	if err != nil {
		return h, err
	}
	r.require()
	if h.Form.SystemCode == wantedForm(r.formNS).SystemCode {
		h.schema = r.schemaFaults() // if form and namespace disagree, nobody knows which schema the sender meant
	}
	if len(r.faults) > 0 {
		return h, joinFaults(append(r.faults, h.schema...))
	}
	return h, nil
}

// Amount returns P_15 and KodWaluty as they are written in a document. A value that is missing is
// "". It reads up to P_15 and checks nothing, so it costs a quarter of [Parse]. It is for documents
// that were checked before.
func Amount(data []byte) (gross, currency string) {
	r := newReader(data, true)
	r.last = nodeGross
	_ = r.read() // a fault ends the reading, and what was read before it is good
	var h Header
	r.fill(&h)
	return h.Gross, h.Currency
}

// newReader returns a reader whose buffers are one allocation and large enough for every ordinary
// document. append grows them for other documents. A pool would save the allocation but would be
// package state.
func newReader(data []byte, lenient bool) reader {
	buffer := new(struct {
		open     [16]element
		bindings [8]binding
		attrs    [8]attribute
		values   [512]byte
		machine  schema.Machine
		schema   [2]schema.Attr
	})
	return reader{
		scanner: scanner{
			source:   source{data: data, lenient: lenient, open: buffer.open[:0]},
			bindings: buffer.bindings[:0], attrs: buffer.attrs[:0],
		},
		values: buffer.values[:0], machine: &buffer.machine, schemaAttrs: buffer.schema[:0],
	}
}

// reader collects the header from the scanner's tokens.
type reader struct {
	scanner

	path   [maxKnownDepth]node // the known open elements, outermost first
	known  int                 // how many open elements are known; unknown ones may be open inside them
	formNS nsID                // the root's namespace
	last   node                // reading ends after this element; the zero node: after the document

	seen    [nodeCount]bool
	startAt [nodeCount]int32 // offset of the last start tag of the node

	// The value that is being read, if any. A single run of text is used as it stands in the
	// document. Only further runs are copied.
	inValue bool
	value   []byte
	scratch []byte

	values []byte // all values found, one after the other; fill makes one string of them
	found  [nodeCount]span
	system span // attribute kodSystemowy
	schema span // attribute wersjaSchemy

	// collecting says that the text of the element is wanted, by the header or by the schema.
	collecting  bool
	machine     *schema.Machine
	schemaAttrs []schema.Attr

	faults  []*FieldError
	parties *partyFault
	places  places

	partyCount int
}

// maxKnownDepth is the depth of Faktura/Podmiot1/DaneIdentyfikacyjne/NIP.
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
			if r.collecting {
				r.addText()
			} else {
				r.between()
			}
		case tokenEnd:
			r.endOfSchema()
			if len(r.open) < r.known {
				r.known--
				if r.inValue {
					r.endValue(r.path[r.known])
					if n := r.path[r.known]; n == r.last && n != nodeOther {
						return nil
					}
				}
			}
		}
	}
}

// start handles a start tag. It extends the path of known elements or checks the root.
func (r *reader) start() *FieldError {
	depth := len(r.open)
	if depth == 1 {
		if err := r.root(); err != nil {
			return err
		}
		r.path[0], r.known = nodeFaktura, 1
		uri := uriFA3
		if r.formNS == nsFA2 {
			uri = uriFA2
		}
		r.machine.Begin(schema.Forms(), uri, r.bytes(r.name), r.attributes(), r.tokenAt)
		return nil
	}
	r.value = nil
	r.collecting = r.machine.Start(r.ns == r.formNS, r.bytes(r.name), r.attributes(), r.tokenAt)
	if r.known != depth-1 {
		return nil // inside an unknown element
	}
	parent := r.path[r.known-1]
	if parent.isText() {
		r.inValue = false
		r.report(r.tokenAt, FieldError{Field: parent.field(), Rule: "must contain text, not elements",
			Value: r.excerpt(r.tokenAt)})
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
		r.inValue, r.collecting = true, true
		if n == nodeKodFormularza {
			r.formAttributes()
			r.places.form = r.place(n)
		}
	}
	return nil
}
