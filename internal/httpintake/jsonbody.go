package httpintake

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
)

// jsonInvoice is one element of {"invoices": […]}.
type jsonInvoice struct {
	intake.Wanted
	Offline   *bool           `json:"offline"` // nil: as the call says
	XML       string          `json:"xml"`
	XMLBase64 string          `json:"xml_base64"`
	Faktura   json.RawMessage `json:"faktura"`
}

// jsonBody reads {"invoices": [{…}, …]} one element after the other. An element with a fault is
// refused, and the elements after it are still read. Text that is not JSON ends the reading.
func jsonBody(br *bodyReader, c *call, b *body, of *asked) *source {
	src := &source{}
	src.items = func(yield func(intake.Item) bool) { src.fault = br.readJSON(c, b, of, yield) }
	return src
}

func (br *bodyReader) readJSON(c *call, b *body, of *asked, yield func(intake.Item) bool) error {
	// In JSON a character of a document takes up to six bytes, such as \u003c.
	elements := &elementReader{from: b.afterMark(), limit: 6*br.o.Limits.Document + 64<<10}
	elements.left = elements.limit
	d := json.NewDecoder(elements)
	d.DisallowUnknownFields()
	for _, want := range []any{json.Delim('{'), "invoices", json.Delim('[')} {
		if got, err := d.Token(); err != nil || got != want {
			return bad(`the body must be {"invoices": […]}`, `treść musi mieć postać {"invoices": […]}`)
		}
	}
	n, m := 0, &maker{core: br.core, c: c}
	var text []byte
	for ; d.More(); n++ {
		one, start := jsonInvoice{}, d.InputOffset()
		fault := d.Decode(&one)
		var err error
		if text, err = b.element(text, start, d.InputOffset()); err != nil {
			return malformed(n, elements, err)
		}
		if len(text) == 0 { // the decoder's offset moves past a value only if the value is JSON
			return malformed(n, elements, fault)
		}
		// The decoder may already hold up to limit bytes of what follows, so an element may take up
		// to twice the limit.
		elements.left = elements.limit
		if !yield(br.jsonItem(c, n, &one, fault, text, of, m)) {
			return nil
		}
	}
	for _, want := range []any{json.Delim(']'), json.Delim('}')} {
		got, err := d.Token()
		if name, other := got.(string); other {
			return bad(fmt.Sprintf("the body has %q beside invoices; items says what became of the invoices", cut(name)),
				fmt.Sprintf("treść ma %q obok invoices; items mówi, co stało się z fakturami", cut(name)))
		}
		if err != nil || got != want {
			return malformed(n, elements, err)
		}
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("the body goes on after its end", "treść ma ciąg dalszy po końcu")
	}
	if n == 0 {
		return bad("invoices is empty", "invoices jest puste")
	}
	return nil
}

// byteOrderMark is what programs on Windows put before JSON.
const byteOrderMark = "\xef\xbb\xbf"

// afterMark returns a reader of the body after its byte order mark.
func (b *body) afterMark() io.Reader { return io.NewSectionReader(b.at, b.mark(), b.size-b.mark()) }

// mark returns the length of the byte order mark of a body: 0 if it has none.
func (b *body) mark() int64 {
	head := make([]byte, len(byteOrderMark))
	if n, _ := b.at.ReadAt(head, 0); string(head[:n]) == byteOrderMark {
		return int64(n)
	}
	return 0
}

// element returns the text of the array element that lies from start to end behind the byte order
// mark. Before the element there may be a comma and spaces, which are left out. The text is valid
// until the next call, which gets it as last and may reuse its memory.
func (b *body) element(last []byte, start, end int64) ([]byte, error) {
	start, end = b.mark()+start, b.mark()+end
	var text []byte
	if b.mem != nil {
		text = b.mem[start:end]
	} else {
		text = slices.Grow(last[:0], int(end-start))[:end-start]
		if n, err := b.at.ReadAt(text, start); n < len(text) {
			return nil, err
		}
	}
	return bytes.TrimLeft(text, ", \t\r\n"), nil
}

func malformed(n int, elements *elementReader, err error) error {
	if elements.left <= 0 {
		return &problem{kind: tooLarge, detail: text{
			en: fmt.Sprintf("invoices[%d] is larger than any invoice may be; this element and the elements after it were not read", n),
			pl: fmt.Sprintf("invoices[%d] jest większe niż dopuszczalna faktura; tego elementu i następnych nie odczytano", n)}}
	}
	what := "more than invoices is in the body, or it is cut off"
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		what = syntax.Error()
	}
	return bad(fmt.Sprintf("the body is not JSON at invoices[%d] (%s); this element and what follows were not read", n, what),
		fmt.Sprintf("treść nie jest poprawnym JSON w invoices[%d]; tego elementu i następnych nie odczytano", n))
}

// jsonItem returns the item of an element. fault is what the decoder said about it, and text is
// the element as it is written.
func (br *bodyReader) jsonItem(c *call, n int, one *jsonInvoice, fault error, text []byte, of *asked, m *maker) intake.Item {
	it := intake.Item{File: fmt.Sprintf("invoices[%d]", n), Unnamed: true}
	if it.Err = checkElement(it.File, fault, text); it.Err != nil {
		it.Ref, it.Sum = intake.RefIn(text), intake.SumOf(text)
		return it
	}
	it.Ref = one.Ref
	own := one.wanted(of.wanted)
	terms, err := own.Terms(br.o.Now(), c.client.admitter.Accounts)
	it.Terms, it.Err = &terms, err
	if err == nil {
		it.Data, it.Err = one.document(m, terms.Tenant)
		it.Made = len(it.Data) > 0 && one.XML+one.XMLBase64 == ""
	}
	if it.Err != nil {
		it.Sum = intake.SumOf(text)
	}
	return it
}

// checkElement returns why an element cannot be used. at is the name of the element in errors.
func checkElement(at string, fault error, text []byte) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](fault); ok {
		return intake.WrongKind(at, wrong)
	}
	if fault != nil {
		return &invoice.FieldError{Field: at, Rule: cut(strings.TrimPrefix(fault.Error(), "json: ")),
			Hint: "its fields are xml, xml_base64 or faktura, ref, lane, offline, deadline, tenant and corrects"}
	}
	return intake.CheckJSON(text)
}

// wanted returns what is asked for the document. Where the element has no value of its own, the
// value of the call applies. The ref is always the element's own.
func (j *jsonInvoice) wanted(ofCall intake.Wanted) intake.Wanted {
	own := j.Wanted
	own.Lane, own.Deadline = cmp.Or(own.Lane, ofCall.Lane), cmp.Or(own.Deadline, ofCall.Deadline)
	own.Tenant, own.Corrects = cmp.Or(own.Tenant, ofCall.Tenant), cmp.Or(own.Corrects, ofCall.Corrects)
	if own.Offline = ofCall.Offline; j.Offline != nil {
		own.Offline = *j.Offline
	}
	return own
}

func (j *jsonInvoice) document(m *maker, tenant string) ([]byte, error) {
	forms, asJSON := 0, len(j.Faktura) > 0 && string(j.Faktura) != "null"
	for _, given := range []bool{j.XML != "", j.XMLBase64 != "", asJSON} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		return nil, &invoice.FieldError{Field: "xml", Rule: "must be given, as xml, xml_base64 or faktura, and only once"}
	case j.XML != "":
		return []byte(j.XML), nil
	case asJSON:
		return m.document(tenant, j.Faktura)
	}
	data, err := base64.StdEncoding.DecodeString(j.XMLBase64)
	if err != nil {
		return nil, &invoice.FieldError{Field: "xml_base64", Rule: "is not Base64 (RFC 4648, with padding)"}
	}
	return data, nil
}

// elementReader bounds how much is read for one element.
type elementReader struct {
	from        io.Reader
	limit, left int64
}

// Read implements [io.Reader].
func (e *elementReader) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, errors.New("element too large")
	}
	n, err := e.from.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	return n, err
}
