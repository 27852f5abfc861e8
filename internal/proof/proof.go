package proof

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/qrcode"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// Evidence is what is known about one invoice. UPO is the zero value when there is no receipt.
// Document is nil when the archive lacks the document.
type Evidence struct {
	Result   results.Result
	Document []byte // the bytes that KSeF has or, without a KSeF number, that were handed in
	UPO      records.Receipt
	Made     time.Time // when the proof is made
}

// Finding is one thing that was compared, and whether it agrees.
type Finding struct {
	What string // in Polish, for the page
	OK   bool
}

// Findings compares the parts of the evidence with each other.
func (e Evidence) Findings() []Finding {
	r := e.Result
	var all []Finding
	add := func(ok bool, what string) { all = append(all, Finding{what, ok}) }
	if e.Document == nil {
		add(false, "W archiwum nie ma dokumentu tej faktury.")
	} else {
		add(records.HashOf(e.Document) == r.Hash, "Skrót SHA-256 pliku faktura.xml jest taki, jak w wyniku zapisanym w archiwum.")
	}
	if r.KsefNumber == "" {
		state := r.State
		if known, ok := explain.Of(explain.State, state); ok {
			state = known.PL.Name
		}
		add(false, "Faktura nie ma numeru KSeF (stan: "+state+").")
		return all
	}
	n, err := invoice.ParseKsefNumber(r.KsefNumber)
	add(err == nil && n.SellerNIP == r.NIP, "Numer KSeF jest poprawny i zawiera NIP sprzedawcy.")
	if e.UPO.Raw == nil {
		what := "W archiwum nie ma jeszcze UPO tej faktury."
		if r.UPO != "" {
			what = "W archiwum nie ma UPO tej faktury albo jest uszkodzone: " + r.UPO + "."
		}
		add(false, what)
		return all
	}
	line, ok := e.line()
	add(ok, "UPO wymienia numer KSeF tej faktury.")
	if ok {
		add(e.Document != nil && line.Hash == records.HashOf(e.Document),
			"Skrót SHA-256 w UPO (SkrotDokumentu) jest skrótem pliku faktura.xml.")
		add(line.SellerNIP == r.NIP, "UPO wymienia NIP sprzedawcy z faktury.")
	}
	return all
}

// Holds reports whether everything that was compared agrees.
func Holds(all []Finding) bool {
	for _, f := range all {
		if !f.OK {
			return false
		}
	}
	return true
}

// line is the line of the receipt about the invoice.
func (e Evidence) line() (ksef.ReceiptLine, bool) { return e.UPO.Parsed.Line(e.Result.KsefNumber) }

// file is one entry of the ZIP.
type file struct {
	name string
	data []byte
}

// The names in the ZIP. The page mentions them in its text.
const (
	nameDocument = "faktura.xml"
	nameUPO      = "upo.xml"
	nameResult   = "wynik.json"
	nameForm     = "faktura.html"
	nameCode     = "kod-i.png"
	nameLink     = "kod-i.txt"
	nameRead     = "przeczytaj.html"
	nameSums     = "sumy.sha256"
)

// Write writes the ZIP. The same evidence gives the same bytes.
func Write(w io.Writer, e Evidence) error {
	files, err := e.files()
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, f := range files {
		out, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: e.Made.UTC().Truncate(2 * time.Second)})
		if err == nil {
			_, err = out.Write(f.data)
		}
		if err != nil {
			return fmt.Errorf("write %s into the proof: %w", f.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("end the proof: %w", err)
	}
	return nil
}

func (e Evidence) files() ([]file, error) {
	result, err := json.MarshalIndent(e.Result, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write result: %w", err)
	}
	var files []file
	if e.Document != nil {
		files = append(files, file{nameDocument, e.Document})
	}
	if e.UPO.Raw != nil {
		files = append(files, file{nameUPO, e.UPO.Raw})
	}
	files = append(files, file{nameResult, append(result, '\n')})
	code, label, err := e.code()
	if err != nil {
		return nil, err
	}
	if code != nil {
		files = append(files, file{nameCode, code}, file{nameLink, []byte(e.Result.VerificationURL + "\n" + label + "\n")})
	}
	// A document that has no readable form is proven all the same. The page then says why there is
	// none.
	var formless error
	if e.Document != nil {
		var form []byte
		if form, formless = e.form(code); formless == nil {
			files = append(files, file{nameForm, form})
		}
	}
	page, err := e.page(formless)
	if err != nil {
		return nil, err
	}
	files = append(files, file{nameRead, page})
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.data), f.name)
	}
	return append(files, file{nameSums, []byte(sums.String())}), nil
}

// code returns the image of KOD I and the label below it. img is nil if the invoice has no link.
func (e Evidence) code() (img []byte, label string, err error) {
	if e.Result.VerificationURL == "" {
		return nil, "", nil
	}
	label = cmp.Or(e.Result.KsefNumber, qrcode.LabelOffline)
	img, err = qrcode.PNG(e.Result.VerificationURL, label)
	return img, label, err
}
