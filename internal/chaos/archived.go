package chaos

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ksefworker/internal/testbed"
)

// archived is the archive as an outside program reads it. It has the results in the .json files and
// ZIPs below the folder, whatever their names.
type archived struct {
	dir     string
	results map[testbed.Invoice][]result
	upos    map[string]upo // by path
}

// result is the archived result of one invoice. Its JSON fields are those that the project promises
// to other programs.
type result struct {
	ID         string `json:"id"`
	NIP        string `json:"nip"`
	Kind       string `json:"kind"`
	Number     string `json:"number"`
	State      string `json:"state"`
	KsefNumber string `json:"ksef_number"`
	Code       int    `json:"code"`
	Reason     string `json:"reason"`
	UPO        string `json:"upo"`
	path       string // of the result, or its name in a ZIP
	zip        string // "" when it is a file of its own
}

// upo is the official receipt, with the Ministry's names (schema v4-3).
type upo struct {
	Session   string `xml:"NumerReferencyjnySesji"`
	Documents []struct {
		KsefNumber string `xml:"NumerKSeFDokumentu"`
		Number     string `xml:"NumerFaktury"`
		NIP        string `xml:"NipSprzedawcy"`
		Hash       string `xml:"SkrotDokumentu"`
	} `xml:"Dokument"`
}

// ownerFile says whose archive it is.
const ownerFile = "archive.json"

func readArchive(dir string) (*archived, error) {
	s := &archived{dir: dir, results: map[testbed.Invoice][]result{}, upos: map[string]upo{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ownerFile {
			return err
		}
		switch filepath.Ext(path) {
		case ".zip":
			return s.addZIP(path)
		case ".json":
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return s.add(result{path: path}, data)
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("read the archive: %w", err)
	}
	return s, nil
}

// addZIP adds the results in one ZIP, which has invoices of one package (docs/archive.md).
func (s *archived) addZIP(path string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".json") {
			continue
		}
		data, err := fs.ReadFile(z, f.Name)
		if err == nil {
			err = s.add(result{path: f.Name, zip: path}, data)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	return nil
}

func (s *archived) add(r result, data []byte) error {
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("read %s: %w", r.path, err)
	}
	invoice := testbed.InvoiceOf(r.NIP, r.Kind, r.Number)
	s.results[invoice] = append(s.results[invoice], r)
	return nil
}

// readDocument reads the XML that is beside a result.
func (r *result) readDocument() ([]byte, error) {
	name := strings.TrimSuffix(r.path, ".json") + ".xml"
	if r.zip == "" {
		return os.ReadFile(name)
	}
	z, err := zip.OpenReader(r.zip)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return fs.ReadFile(z, name)
}

// result returns the result that counts for an invoice. An invoice that was parked or rejected
// first, and accepted after a retry, may have an older result in a file of its own and the final
// one in a ZIP. Then the result in the ZIP counts. A package that was archived twice, because its
// worker died, has each result in two ZIPs.
func (s *archived) result(it *item) (result, error) {
	got := s.results[it.invoice()]
	if i := slices.IndexFunc(got, func(r result) bool { return r.zip != "" }); i >= 0 {
		final := got[i]
		got = slices.DeleteFunc(slices.Clone(got), func(r result) bool { return r.ID == final.ID })
		got = append(got, final)
	}
	if len(got) != 1 {
		return result{}, fmt.Errorf("the archive has %d results", len(got))
	}
	return got[0], nil
}

// checkDocument checks that the archived XML is what was handed in.
func (s *archived) checkDocument(it *item, r result) error {
	data, err := r.readDocument()
	if err != nil {
		return fmt.Errorf("archived document: %w", err)
	}
	if sha256.Sum256(data) != it.hash {
		return fmt.Errorf("archived document is not what was handed in: %s", r.path)
	}
	return nil
}

// checkReceipt checks that the receipt in the result is of the right session and names the
// invoice's number and hash.
func (s *archived) checkReceipt(it *item, r result, session string) error {
	u, err := url.Parse(r.UPO)
	path := ""
	switch {
	case err == nil && u.Scheme == "file":
		path = u.Path
	case err == nil && u.Scheme == "s3":
		path = filepath.Join(s.dir, filepath.FromSlash(u.Path))
	default:
		return fmt.Errorf("its receipt is %q", r.UPO)
	}
	doc, known := s.upos[path]
	if !known {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("its receipt: %w", err)
		}
		if err := xml.Unmarshal(data, &doc); err != nil {
			return fmt.Errorf("its receipt %s: %w", path, err)
		}
		s.upos[path] = doc
	}
	if doc.Session != session {
		return fmt.Errorf("its receipt is of session %s, KSeF accepted it in %s", doc.Session, session)
	}
	return doc.attests(it, r.KsefNumber)
}

// attests checks that a receipt lists an invoice by its KSeF number, with its hash, number and
// seller.
func (doc *upo) attests(it *item, ksefNumber string) error {
	for _, d := range doc.Documents {
		if canonical(d.KsefNumber) != ksefNumber {
			continue
		}
		hash := base64.StdEncoding.EncodeToString(it.hash[:])
		if d.Hash != hash || testbed.NormalNumber(d.Number) != it.invoice().Number || d.NIP != it.nip {
			return fmt.Errorf("its receipt attests %+v", d)
		}
		return nil
	}
	return fmt.Errorf("its receipt does not list %s", ksefNumber)
}

// canonical returns a KSeF number in its current form. In the other form its twelve hexadecimal
// digits are split by a hyphen: FFFFFF-FFFFFF.
func canonical(number string) string {
	const half = len("9999999999-YYYYMMDD-FFFFFF")
	if len(number) != 36 || number[half] != '-' {
		return number
	}
	return number[:half] + number[half+1:]
}
