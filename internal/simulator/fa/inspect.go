package fa

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Result is what [Inspect] found out about one document.
type Result struct {
	// Header is nil when the document could not be read at all. A readable document is UTF-8 and
	// well-formed XML without a DTD.
	Header *Header
	// Code is the status that KSeF gives the invoice: 200 when nothing is wrong, else 415, 430 or
	// 450.
	Code int
	// Details says what is wrong; empty with code 200. Texts about the schema begin with the
	// element's name.
	Details string
}

func (r Result) refuse(code int, format string, args ...any) Result {
	r.Code, r.Details = code, fmt.Sprintf(format, args...)
	return r
}

// Sizes are the largest documents that one taxpayer may send, in bytes.
type Sizes struct {
	Plain          int // without an attachment
	WithAttachment int
}

// UsualSizes returns the limits of every taxpayer to whom the Ministry has granted nothing else.
func UsualSizes() Sizes { return Sizes{Plain: 1_000_000, WithAttachment: 3_000_000} }

func (s Sizes) limit(d *document) int {
	if d.attachment {
		return s.WithAttachment
	}
	return s.Plain
}

// Circumstances are what the result depends on besides the bytes of the document.
type Circumstances struct {
	// Accepted is the moment of acceptance, in the time zone Europe/Warsaw. P_1 must not be later
	// than its day.
	Accepted time.Time
	// Online is true for an online session, which accepts no attachments.
	Online bool
	// Sizes gives the limits of the taxpayer with this NIP; nil means UsualSizes for everybody.
	Sizes func(nip string) Sizes
}

// Inspect makes all checks of KSeF that need no knowledge of other invoices. It checks the file
// first, then the schema f, then the issue date and the attachment. It stops at the first fault.
func Inspect(content []byte, f *Form, c Circumstances) Result {
	r := Result{Code: 200}
	bom := len(content) >= 3 && string(content[:3]) == "\xEF\xBB\xBF"
	if bom {
		content = content[3:]
	}
	if !utf8.Valid(content) {
		return r.refuse(430, "the document is not UTF-8")
	}
	d, err := readDocument(content, f)
	if err != nil {
		return r.refuse(430, "the document is not well-formed XML without DTD: %v", err)
	}
	r.Header = d.header()
	if bom {
		return r.refuse(430, "the document begins with a byte order mark")
	}
	if d.instruction {
		return r.refuse(430, "the document has a processing instruction")
	}
	for _, text := range [][]byte{content, references(content)} {
		if c, found := discouraged(text); found {
			return r.refuse(430, "the document has the character U+%04X", c)
		}
	}
	sizes := UsualSizes()
	if c.Sizes != nil {
		sizes = c.Sizes(r.Header.Issuer())
	}
	if limit := sizes.limit(d); len(content) > limit {
		return r.refuse(430, "the document has %d bytes, %d are allowed", len(content), limit)
	}
	if details := checkSchema(d, f); details != "" {
		return r.refuse(450, "%s", details)
	}
	if date := token(d.text(pathDate)); date > c.Accepted.Format(time.DateOnly) {
		return r.refuse(450, "P_1: %s is later than the day of acceptance %s", date, c.Accepted.Format(time.DateOnly))
	}
	if d.attachment && c.Online {
		return r.refuse(415, "Zalacznik: attachments are taken only in batch sessions")
	}
	r.Header.Gross = hundredths(d.text(pathTotal))
	r.Header.Net, r.Header.VAT = sums(d)
	return r
}

// Number reads P_2 of a document of form f as KSeF writes it. It returns "" when the document has
// no P_2. It fails only when the document cannot be read as well-formed XML without a DTD.
func Number(content []byte, f *Form) (string, error) {
	d, err := readDocument(content, f)
	if err != nil {
		return "", fmt.Errorf("read document: %w", err)
	}
	return numberOf(d.text(pathNumber)), nil
}
