package ksef

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/invoice"
)

// Receipt is what a UPO says. A UPO is KSeF's signed confirmation of the invoices that it accepted,
// with their hashes. The zero value is not a receipt.
type Receipt struct {
	Session string                 // NumerReferencyjnySesji
	Pages   int                    // LiczbaStron; 10,000 lines a page
	Lines   map[string]ReceiptLine // by KSeF number in the canonical form, see [invoice.CanonicalKsefNumber]
	ByHash  map[string]string      // content hash → KSeF number as the UPO writes it
}

// Line returns the line of a KSeF number, however it is spelled.
func (r Receipt) Line(number string) (ReceiptLine, bool) {
	l, ok := r.Lines[invoice.CanonicalKsefNumber(number)]
	return l, ok
}

// ReceiptLine is one Dokument of a UPO.
type ReceiptLine struct {
	SellerNIP  string
	Number     string // P_2
	IssueDate  string // P_1, DataWystawieniaFaktury; "" when it is missing
	Hash       string // SkrotDokumentu: SHA-256 of the exact bytes, Base64
	AssignedAt time.Time
}

// ParseReceipt reads a UPO in one pass, element by element, because a full UPO has 10,000 entries.
// It refuses document type declarations.
func ParseReceipt(raw []byte) (Receipt, error) {
	r := Receipt{Lines: map[string]ReceiptLine{}, ByHash: map[string]string{}}
	d := xml.NewDecoder(bytes.NewReader(raw))
	root, closed := false, false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Receipt{}, fmt.Errorf("read UPO: %w", err)
		}
		switch el := tok.(type) {
		case xml.Directive:
			return Receipt{}, errors.New("read UPO: it has a document type declaration")
		case xml.EndElement:
			closed = true // the root's end; other ends were read together with their elements
		case xml.StartElement:
			if closed {
				return Receipt{}, fmt.Errorf("read UPO: element %q comes after the end of the root", el.Name.Local)
			}
			if !root {
				if el.Name.Local != "Potwierdzenie" {
					return Receipt{}, fmt.Errorf("read UPO: root element is %q, want Potwierdzenie", el.Name.Local)
				}
				root = true
				continue
			}
			if err := r.element(d, el); err != nil {
				return Receipt{}, fmt.Errorf("read UPO: %w", err)
			}
		}
	}
	if !root {
		return Receipt{}, errors.New("read UPO: it is empty")
	}
	return r, nil
}

func (r *Receipt) element(d *xml.Decoder, el xml.StartElement) error {
	switch el.Name.Local {
	case "NumerReferencyjnySesji":
		err := d.DecodeElement(&r.Session, &el)
		r.Session = strings.TrimSpace(r.Session)
		return err
	case "OpisPotwierdzenia":
		return children(d, func(name string, text []byte) {
			if name == "LiczbaStron" {
				r.Pages, _ = strconv.Atoi(string(bytes.TrimSpace(text))) // for display only: 0 if it is not a number
			}
		})
	case "Dokument":
		var l ReceiptLine
		number := ""
		// White space around a value is dropped, as for the type token of XML Schema. So a receipt
		// that was indented again still agrees with what was sent. Only NumerFaktury stays as it is
		// written.
		err := children(d, func(name string, text []byte) {
			switch name {
			case "NipSprzedawcy":
				l.SellerNIP = string(bytes.TrimSpace(text))
			case "NumerKSeFDokumentu":
				number = string(bytes.TrimSpace(text))
			case "NumerFaktury":
				l.Number = string(text)
			case "DataWystawieniaFaktury":
				l.IssueDate = string(bytes.TrimSpace(text))
			case "SkrotDokumentu":
				l.Hash = string(bytes.TrimSpace(text))
			case "DataNadaniaNumeruKSeF":
				// The time is for display only and may be missing.
				l.AssignedAt, _ = time.Parse(time.RFC3339, string(bytes.TrimSpace(text)))
			}
		})
		if err != nil {
			return err
		}
		r.Lines[invoice.CanonicalKsefNumber(number)], r.ByHash[l.Hash] = l, number
		return nil
	}
	return d.Skip()
}

// children reads the rest of the element that d has just begun. For each child it calls use with
// the child's local name and text, without the text of the child's own children. The text is valid
// until use returns. DecodeElement would need more time for a receipt of 10,000 lines.
func children(d *xml.Decoder, use func(name string, text []byte)) error {
	var text []byte
	name, depth := "", 0
	for {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				name, text = tok.Name.Local, text[:0]
			}
		case xml.CharData:
			if depth == 1 {
				text = append(text, tok...)
			}
		case xml.EndElement:
			if depth == 0 {
				return nil
			}
			if depth--; depth == 0 {
				use(name, text)
			}
		}
	}
}
