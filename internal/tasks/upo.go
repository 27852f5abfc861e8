package tasks

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
	"ksefworker/internal/ledger"
)

// Receipt is what a UPO says. Lines has one line for each accepted invoice, by its KSeF number in the
// canonical form (see [invoice.CanonicalKsefNumber]).
type Receipt struct {
	Session string // NumerReferencyjnySesji
	Pages   int    // LiczbaStron; 10,000 lines a page
	Lines   map[string]ReceiptLine

	byHash map[string]string // content hash → KSeF number as it is written there
}

// line returns the line of a KSeF number, however it is spelled.
func (r Receipt) line(number string) (ReceiptLine, bool) {
	l, ok := r.Lines[invoice.CanonicalKsefNumber(number)]
	return l, ok
}

// only keeps the lines of some invoices.
func (r Receipt) only(invs []ledger.Invoice) Receipt {
	out := Receipt{Session: r.Session, Pages: r.Pages, Lines: map[string]ReceiptLine{}, byHash: map[string]string{}}
	for i := range invs {
		for _, number := range []string{invs[i].KsefNumber, r.byHash[invs[i].Hash]} {
			if l, ok := r.line(number); ok {
				out.Lines[invoice.CanonicalKsefNumber(number)], out.byHash[l.Hash] = l, r.byHash[l.Hash]
			}
		}
	}
	return out
}

// ReceiptLine is one Dokument of an UPO.
type ReceiptLine struct {
	SellerNIP  string
	Number     string // P_2
	Hash       string // SkrotDokumentu: SHA-256 of the exact bytes, Base64
	AssignedAt time.Time
}

// ParseReceipt reads an UPO in one pass, element by element: a full one has 10,000 entries. DTDs are refused.
func ParseReceipt(raw []byte) (Receipt, error) {
	r := Receipt{Lines: map[string]ReceiptLine{}, byHash: map[string]string{}}
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
			closed = true // the root's: every other was read with its element
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
		r.Pages, _ = strconv.Atoi(strings.TrimSpace(o.LiczbaStron)) // for display: what is no number is not given
		return nil
	case "Dokument":
		var doc struct {
			NipSprzedawcy, NumerKSeFDokumentu, NumerFaktury, SkrotDokumentu, DataNadaniaNumeruKSeF string
		}
		if err := d.DecodeElement(&doc, &el); err != nil {
			return err
		}
		at, _ := time.Parse(time.RFC3339, strings.TrimSpace(doc.DataNadaniaNumeruKSeF)) // for display only: a missing one is no fault of ours
		// White space around a value is none of it (in the schema these are tokens): a receipt that was indented anew must not contradict what was sent.
		number := strings.TrimSpace(doc.NumerKSeFDokumentu)
		l := ReceiptLine{SellerNIP: strings.TrimSpace(doc.NipSprzedawcy), Number: doc.NumerFaktury, Hash: strings.TrimSpace(doc.SkrotDokumentu), AssignedAt: at}
		r.Lines[invoice.CanonicalKsefNumber(number)], r.byHash[l.Hash] = l, number
		return nil
	}
	return d.Skip()
}
