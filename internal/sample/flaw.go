package sample

import (
	"bytes"
	"strings"
)

// Flaw is one way in which an invoice can be bad. Its String is a name for files and messages.
type Flaw int

// The flaws. Those up to TooBigForItsKind are refused by invoice.Parse or invoice.Check without
// checking the schema (WrongNIP only with CheckOptions.CheckNIPs). Those after TooBigForItsKind
// break the schema. If the schema is not checked here, KSeF refuses them.
const (
	NotXML Flaw = iota
	Empty
	Truncated
	WrongEncoding
	ByteOrderMark
	DTD
	ProcessingInstruction
	DiscouragedUnicode
	TooBig
	WrongNIP
	FutureDate
	MissingNumber
	FA1
	TooBigForItsKind
	MissingTotal
	UnknownKind
	flaws
)

// Flaws returns all flaws.
func Flaws() []Flaw {
	all := make([]Flaw, flaws)
	for i := range all {
		all[i] = Flaw(i)
	}
	return all
}

var flawNames = [flaws]string{
	NotXML: "not-xml", Empty: "empty", Truncated: "truncated", WrongEncoding: "wrong-encoding",
	ByteOrderMark: "byte-order-mark", DTD: "dtd",
	ProcessingInstruction: "processing-instruction", DiscouragedUnicode: "discouraged-unicode", TooBig: "too-big", WrongNIP: "wrong-nip",
	FutureDate: "future-date", MissingNumber: "missing-p2", FA1: "fa1", TooBigForItsKind: "too-big-without-attachment",
	MissingTotal: "missing-p15", UnknownKind: "unknown-kind",
}

func (f Flaw) String() string {
	if f < 0 || f >= flaws {
		return "no flaw"
	}
	return flawNames[f]
}

// Local reports whether invoice.Parse or invoice.Check, with CheckOptions.CheckNIPs, refuses the
// flaw even without checking the schema. If Local reports false, the invoice passes both while the
// schema is not checked, and KSeF then refuses the invoice by the schema, with code 450.
func (f Flaw) Local() bool { return f >= 0 && f <= TooBigForItsKind }

// Bad returns the invoice that o describes, with the flaw. For a value that is not a Flaw it
// returns a good invoice.
func Bad(flaw Flaw, o Options) []byte {
	o = o.withDefaults()
	switch flaw {
	case NotXML:
		return []byte("%PDF-1.7\n% Faktura " + o.Number + " zapisana jako PDF zamiast XML\n%%EOF\n")
	case Empty:
		return nil
	case Truncated:
		doc := Invoice(o)
		return doc[:len(doc)*2/3]
	case WrongEncoding:
		return latin2(replace(Invoice(o), `encoding="UTF-8"`, `encoding="ISO-8859-2"`))
	case ByteOrderMark:
		return append([]byte("\xEF\xBB\xBF"), Invoice(o)...)
	case DTD:
		const doctype = "\n<!DOCTYPE Faktura [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
		return replace(Invoice(o), declaration, declaration+doctype)
	case ProcessingInstruction:
		return replace(Invoice(o), declaration, declaration+"\n<?xml-stylesheet type=\"text/xsl\" href=\"styl.xsl\"?>")
	case DiscouragedUnicode:
		return replace(Invoice(o), "Dziękujemy", "Dzi\u0099kujemy") // a byte of Windows-1250 that was read as Unicode
	case TooBig:
		o.Attachment, o.PadTo = true, 5_000_000
	case TooBigForItsKind:
		o.Attachment, o.PadTo = false, 1_200_000
	case WrongNIP:
		o.SellerNIP = wrongDigit(o.SellerNIP)
	case FutureDate:
		o.IssueDate = "2049-12-31"
	case MissingNumber:
		return cut(Invoice(o), "P_2")
	case FA1:
		doc := replace(Invoice(o), namespace, "http://crd.gov.pl/wzor/2021/11/29/11089/")
		doc = replace(doc, `kodSystemowy="FA (3)"`, `kodSystemowy="FA (1)"`)
		return replace(doc, "<WariantFormularza>3<", "<WariantFormularza>1<")
	case MissingTotal:
		return cut(Invoice(o), "P_15")
	case UnknownKind:
		o.Kind = "PROFORMA"
	}
	return Invoice(o)
}

func replace(doc []byte, old, by string) []byte {
	return bytes.Replace(doc, []byte(old), []byte(by), 1)
}

// cut removes the first element with this name and the white space before it.
func cut(doc []byte, name string) []byte {
	from := bytes.Index(doc, []byte("<"+name+">"))
	to := bytes.Index(doc, []byte("</"+name+">"))
	if from < 0 || to < 0 {
		return doc
	}
	return append(bytes.TrimRight(doc[:from:from], "\n\t"), doc[to+len(name)+3:]...)
}

// wrongDigit changes the check digit only.
func wrongDigit(nip string) string {
	if nip == "" {
		return nip
	}
	last := nip[len(nip)-1]
	return nip[:len(nip)-1] + string('0'+(last-'0'+1)%10)
}

// latin2 converts Polish letters to ISO-8859-2. All other characters outside ASCII become question
// marks.
func latin2(doc []byte) []byte {
	const letters = "ĄŁŚŹŻąłśźżĆĘŃÓćęńó"
	const codes = "\xA1\xA3\xA6\xAC\xAF\xB1\xB3\xB6\xBC\xBF\xC6\xCA\xD1\xD3\xE6\xEA\xF1\xF3"
	out := make([]byte, 0, len(doc))
	for _, r := range string(doc) {
		switch i := strings.IndexRune(letters, r); {
		case r < 0x80:
			out = append(out, byte(r))
		case i >= 0:
			out = append(out, codes[i/2]) // each letter has two bytes in UTF-8
		default:
			out = append(out, '?')
		}
	}
	return out
}
