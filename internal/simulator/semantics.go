package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	plainSize      = 1_000_000 // bytes of an invoice without attachment
	attachmentSize = 3_000_000 // bytes of one with
)

var (
	amount   = regexp.MustCompile(`^-?([1-9][0-9]{0,15}|0)(\.[0-9]{1,2})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	country  = regexp.MustCompile(`^[A-Z]{2}$`)
)

func kinds() []string { return []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"} }

// reading is an invoice after every check that needs no knowledge of others. Code 200: nothing was found.
type reading struct {
	header  *header // nil when the document could not be read
	hash    [32]byte
	leaf    leaf
	code    int
	details string
}

// header is what is kept of a document, a tenth of what was read: ten thousand of them wait for the end of a package.
type header struct {
	identity
	namespace       string
	issued          string // P_1
	seller          string
	buyerNIP, buyer string
	agentNIP        string // PodmiotUpowazniony
	selfBilled      bool   // P_17 is 1
	currency        string
	net, vat, gross int64 // in hundredths; only of a document in which nothing was found
}

func (d *document) header() *header {
	return &header{
		identity:  identity{nip: d.text(pathSellerNIP), kind: token(d.text(pathKind)), number: token(d.text(pathNumber))},
		namespace: d.namespace, issued: token(d.text(pathDate)), seller: token(d.text(pathSellerName)),
		agentNIP: d.text(pathAgentNIP), selfBilled: token(d.text(pathSelfBilled)) == "1",
		buyerNIP: d.text(pathBuyerNIP), buyer: token(d.text(pathBuyerName)), currency: d.text(pathCurrency),
	}
}

func (r reading) refuse(code int, format string, args ...any) reading {
	r.code, r.details = code, fmt.Sprintf(format, args...)
	return r
}

// inspect holds the bytes of an invoice against everything that KSeF refuses, file first, then schema, then dates.
// acceptance is the moment of acceptance in Warsaw's time.
func inspect(content []byte, f *form, lane string, acceptance time.Time) reading {
	return inspectWithin(content, f, lane, acceptance, func(string) sizes { return usualSizes() })
}

// inspectWithin knows the limits of each taxpayer.
func inspectWithin(content []byte, f *form, lane string, acceptance time.Time, of func(nip string) sizes) reading {
	r := reading{code: 200}
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
	r.header = d.header()
	if bom {
		return r.refuse(430, "the document begins with a byte order mark")
	}
	if d.instructed {
		return r.refuse(430, "the document has a processing instruction")
	}
	for _, text := range [][]byte{content, references(content)} {
		if c, found := discouraged(text); found {
			return r.refuse(430, "the document has the character U+%04X", c)
		}
	}
	if limit := sizeLimit(d, of(r.header.issuer())); len(content) > limit {
		return r.refuse(430, "the document has %d bytes, %d are allowed", len(content), limit)
	}
	if details := schema(d, f); details != "" {
		return r.refuse(450, "%s", details)
	}
	if date := token(d.text(pathDate)); date > acceptance.Format(time.DateOnly) {
		return r.refuse(450, "P_1: %s is later than the day of acceptance %s", date, acceptance.Format(time.DateOnly))
	}
	if d.attachment && lane == laneOnline {
		return r.refuse(415, "Zalacznik: attachments are taken only in batch sessions")
	}
	r.header.gross = hundredths(d.text(pathTotal))
	r.header.net, r.header.vat = sums(d)
	return r
}

func sizeLimit(d *document, z sizes) int {
	if d.attachment {
		return z.attached
	}
	return z.plain
}

// schema stands for the XSD. It gives the first fault with the element's name, "" when there is none.
func schema(d *document, f *form) string {
	switch {
	case d.root != "Faktura" || d.namespace != f.namespace:
		return fmt.Sprintf("Faktura: root {%s}%s, the session declared {%s}Faktura", d.namespace, d.root, f.namespace)
	case d.systemCode != f.systemCode || d.schema != "1-0E" || d.text(pathForm) != "FA":
		return fmt.Sprintf("KodFormularza: %q %q %q, the session declared %q 1-0E FA", d.systemCode, d.schema, d.text(pathForm), f.systemCode)
	case len(d.strangers) > 0:
		return fmt.Sprintf("%s: not expected here", d.strangers[0])
	}
	for _, path := range f.required {
		if _, present := d.texts[path]; !present {
			return fmt.Sprintf("%s: missing", path)
		}
	}
	if token(d.text(pathVariant)) != f.variant {
		return fmt.Sprintf("WariantFormularza: %q is not %s", d.text(pathVariant), f.variant)
	}
	if _, err := time.Parse(time.RFC3339, token(d.text(pathCreated))); err != nil {
		if _, err := time.Parse("2006-01-02T15:04:05", token(d.text(pathCreated))); err != nil {
			return fmt.Sprintf("DataWytworzeniaFa: %q is not a date and time", d.text(pathCreated))
		}
	}
	if details := parties(d, f); details != "" {
		return details
	}
	return body(d)
}

// parties checks who sells, buys and stands beside.
func parties(d *document, f *form) string {
	nips := []struct{ path, value string }{{pathSellerNIP, d.text(pathSellerNIP)}}
	for _, path := range []string{pathBuyerNIP, pathAgentNIP} {
		if value, present := d.texts[path]; present {
			nips = append(nips, struct{ path, value string }{path, value})
		}
	}
	for _, value := range d.thirds {
		nips = append(nips, struct{ path, value string }{pathThirdNIP, value})
	}
	for _, n := range nips {
		if !validNIP(n.value) {
			return fmt.Sprintf("%s: %q is not a valid NIP", n.path, n.value)
		}
	}
	if name := token(d.text(pathSellerName)); name == "" || utf8.RuneCountInString(name) > 512 {
		return pathSellerName + ": 1 to 512 characters are allowed"
	}
	if !country.MatchString(token(d.text("Podmiot1/Adres/KodKraju"))) {
		return "Podmiot1/Adres/KodKraju: not a country code"
	}
	if f.variant == "2" {
		return ""
	}
	for _, path := range []string{"Podmiot2/JST", "Podmiot2/GV"} {
		if v := token(d.text(path)); v != "1" && v != "2" {
			return fmt.Sprintf("%s: %q is neither 1 nor 2", path, v)
		}
	}
	return ""
}

// body checks the mandatory fields of Fa.
func body(d *document) string {
	if number := token(d.text(pathNumber)); number == "" || utf8.RuneCountInString(number) > 256 {
		return "P_2: 1 to 256 characters are allowed"
	}
	date := token(d.text(pathDate))
	if _, err := time.Parse(time.DateOnly, date); err != nil || date < "2006-01-01" || date > "2050-01-01" {
		return fmt.Sprintf("P_1: %q is not a date from 2006-01-01 to 2050-01-01", date)
	}
	if kind := token(d.text(pathKind)); !slices.Contains(kinds(), kind) {
		return fmt.Sprintf("RodzajFaktury: %q is not in the list", kind)
	}
	if c := d.text(pathCurrency); !currency.MatchString(c) {
		return fmt.Sprintf("KodWaluty: %q is not a currency code", c)
	}
	for _, name := range strings.Fields(childrenOfFa) {
		path := "Fa/" + name
		value, present := d.texts[path]
		if _, isTotal := totals(path); present && (isTotal || path == pathTotal) && !amount.MatchString(token(value)) {
			return fmt.Sprintf("%s: %q is not an amount", path, value)
		}
	}
	return ""
}
