package httpintake

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// jsonBody reads {"invoices": [{…}, …]} one element after the other. An element with a fault in it
// is refused alone. Text that is not JSON ends the reading.
func jsonBody(br *bodyReader, c *call, b *body, of *asked) *source {
	src := &source{}
	src.items = func(yield func(intake.Item) bool) { src.fault = br.readJSON(c, b, of, yield) }
	return src
}

func (br *bodyReader) readJSON(c *call, b *body, of *asked, yield func(intake.Item) bool) error {
	// In JSON a character of a document takes up to six: \u003c.
	elements := &elementReader{from: b.afterMark(), limit: 6*br.o.Limits.Document + 64<<10}
	elements.left = elements.limit
	d := json.NewDecoder(elements)
	for _, want := range []any{json.Delim('{'), "invoices", json.Delim('[')} {
		if got, err := d.Token(); err != nil || got != want {
			return bad(`the body must be {"invoices": […]}`, `treść musi mieć postać {"invoices": […]}`)
		}
	}
	n, m := 0, &maker{core: br.core, c: c}
	for ; d.More(); n++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return malformed(n, elements, err)
		}
		// The decoder may already hold up to limit bytes of what follows, so an element may take up
		// to twice the limit.
		elements.left = elements.limit
		if !yield(br.jsonItem(c, n, raw, of, m)) {
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

// afterMark reads a body behind its byte order mark, which programs on Windows put before JSON.
func (b *body) afterMark() io.Reader {
	const mark = "\xef\xbb\xbf"
	head := make([]byte, len(mark))
	if n, _ := b.at.ReadAt(head, 0); string(head[:n]) == mark {
		return io.NewSectionReader(b.at, int64(n), b.size-int64(n))
	}
	return b.reader()
}

// namesFaktura reports whether a body may have an invoice that is JSON. It never misses one. The
// decoder ignores the case of names, and reads escaped letters, so a body with an escaped letter of
// ASCII counts. So does one with an escaped Kelvin sign (U+212A), whose lower case is k.
func (b *body) namesFaktura() bool {
	const overlap = 32 // longer than each of the texts
	part := make([]byte, 64<<10)
	for at := int64(0); at < b.size; at += int64(len(part) - overlap) {
		n, err := b.at.ReadAt(part, at)
		if err != nil && err != io.EOF {
			return true // whoever reads the body meets the error
		}
		lower := bytes.ToLower(part[:n])
		for _, text := range []string{`"faktura"`, `\u004`, `\u005`, `\u006`, `\u007`, `\u212a`} {
			if bytes.Contains(lower, []byte(text)) {
				return true
			}
		}
	}
	return false
}

func malformed(n int, elements *elementReader, err error) error {
	if elements.left <= 0 {
		return &problem{kind: tooLarge, detail: text{
			en: fmt.Sprintf("invoices[%d] is larger than any invoice may be; it and those after it were not read", n),
			pl: fmt.Sprintf("invoices[%d] jest większe niż dopuszczalna faktura; tego elementu i następnych nie odczytano", n)}}
	}
	what := "more than invoices is in the body, or it is cut off"
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		what = syntax.Error()
	}
	return bad(fmt.Sprintf("the body is not JSON at invoices[%d] (%s); it and what follows was not read", n, what),
		fmt.Sprintf("treść nie jest poprawnym JSON w invoices[%d]; tego elementu i następnych nie odczytano", n))
}

func (br *bodyReader) jsonItem(c *call, n int, raw json.RawMessage, of *asked, m *maker) intake.Item {
	it := intake.Item{File: fmt.Sprintf("invoices[%d]", n)}
	one := jsonInvoice{}
	if it.Err = one.read(it.File, raw); it.Err != nil {
		it.Ref = intake.RefIn(raw)
		return it
	}
	it.Ref = one.Ref
	own := one.wanted(of.wanted)
	terms, err := own.Terms(br.o.Now(), c.client.admitter.Accounts)
	it.Terms, it.Err = &terms, err
	if err == nil {
		it.Data, it.Err = one.document(m, terms.Tenant)
	}
	return it
}

// read reads an element. at is the name of the element in errors.
func (j *jsonInvoice) read(at string, raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(j)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return intake.WrongKind(at, wrong)
	}
	if err != nil {
		return &invoice.FieldError{Field: at, Rule: cut(strings.TrimPrefix(err.Error(), "json: ")),
			Hint: "its fields are xml, xml_base64 or faktura, ref, lane, offline, deadline, tenant and corrects"}
	}
	return intake.CheckJSON(raw)
}

// wanted returns what is asked for the document. Where the document says nothing of its own, what
// the call says applies.
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
