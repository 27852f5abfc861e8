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
	Hash       string // SkrotDokumentu: SHA-256 of the exact bytes, Base64
	AssignedAt time.Time
}

// ParseReceipt reads a UPO in one pass, element by element: a full one has 10,000 entries. It
// refuses document type declarations.
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
			closed = true // the end of the root: every other end was read together with its element
		case xml.StartElement:
			if closed {
				return Receipt{}, fmt.Errorf("read UPO: element %q stands behind its end", el.Name.Local)
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
		var o struct{ LiczbaStron string }
		if err := d.DecodeElement(&o, &el); err != nil {
			return err
		}
		r.Pages, _ = strconv.Atoi(strings.TrimSpace(o.LiczbaStron)) // for display only: 0 if it is not a number
		return nil
	case "Dokument":
		var doc struct {
			NipSprzedawcy, NumerKSeFDokumentu, NumerFaktury, SkrotDokumentu, DataNadaniaNumeruKSeF string
		}
		if err := d.DecodeElement(&doc, &el); err != nil {
			return err
		}
		// For display only: a receipt without this time is not at fault.
		at, _ := time.Parse(time.RFC3339, strings.TrimSpace(doc.DataNadaniaNumeruKSeF))
		// White space around a value is not part of it (in the schema these are tokens): a receipt
		// that was indented again must not contradict what was sent.
		number := strings.TrimSpace(doc.NumerKSeFDokumentu)
		l := ReceiptLine{
			SellerNIP:  strings.TrimSpace(doc.NipSprzedawcy),
			Number:     doc.NumerFaktury,
			Hash:       strings.TrimSpace(doc.SkrotDokumentu),
			AssignedAt: at,
		}
		r.Lines[invoice.CanonicalKsefNumber(number)], r.ByHash[l.Hash] = l, number
		return nil
	}
	return d.Skip()
}
