package chaos

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// shelf is the archive as a stranger would read it: the documents of every folder, whatever names them.
type shelf struct {
	dir     string
	results map[key][]result
	upos    map[string]upo // by path
}

// result is what the archive says of one invoice. The names are those that the project promises to others.
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
	path       string
}

// upo is the official receipt, read by the ministry's names (schema v4-3).
type upo struct {
	Session   string `xml:"NumerReferencyjnySesji"`
	Documents []struct {
		KsefNumber string `xml:"NumerKSeFDokumentu"`
		Number     string `xml:"NumerFaktury"`
		NIP        string `xml:"NipSprzedawcy"`
		Hash       string `xml:"SkrotDokumentu"`
	} `xml:"Dokument"`
}

func readArchive(dir string) (*shelf, error) {
	s := &shelf{dir: dir, results: map[key][]result{}, upos: map[string]upo{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r := result{path: path}
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		k := keyOf(r.NIP, r.Kind, r.Number)
		s.results[k] = append(s.results[k], r)
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("read the archive: %w", err)
	}
	return s, nil
}

func (s *shelf) result(it *item) (result, error) {
	got := s.results[keyOf(it.nip, it.kind, it.number)]
	if len(got) != 1 {
		return result{}, fmt.Errorf("the archive has %d results", len(got))
	}
	return got[0], nil
}

// document holds the archived XML to be what was handed in.
func (s *shelf) document(it *item, r result) error {
	data, err := os.ReadFile(strings.TrimSuffix(r.path, ".json") + ".xml")
	if err != nil {
		return fmt.Errorf("archived document: %w", err)
	}
	if sha256.Sum256(data) != it.hash {
		return fmt.Errorf("archived document is not what was handed in: %s", r.path)
	}
	return nil
}

// attested holds the receipt that the result names to be of the right session and to bear number and hash.
func (s *shelf) attested(it *item, r result, session string) error {
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
	for _, d := range doc.Documents {
		if canonical(d.KsefNumber) != r.KsefNumber {
			continue
		}
		if d.Hash != base64.StdEncoding.EncodeToString(it.hash[:]) || plain(d.Number) != plain(it.number) || d.NIP != it.nip {
			return fmt.Errorf("its receipt attests %+v", d)
		}
		return nil
	}
	return fmt.Errorf("its receipt %s does not list %s", path, r.KsefNumber)
}

// canonical is a KSeF number in the form of today, if it was written 6-6.
func canonical(number string) string {
	const half = len("9999999999-YYYYMMDD-FFFFFF")
	if len(number) != 36 || number[half] != '-' {
		return number
	}
	return number[:half] + number[half+1:]
}
