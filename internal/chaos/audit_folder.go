//go:build unix

package chaos

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The places of the watched folder, as docs/erp.md promises them to other programs.
const (
	placeTaken    = "taken"
	placeAccepted = "accepted"
	placeRefused  = "refused"
	placeParked   = "parked"
	placeUnpacked = "unpacked"
	resultEnd     = ".json"
	receiptEnd    = ".upo.xml"
	waitingFile   = "ksef-waiting.txt"
)

// path returns the path of a file of the watched folder, as results name it.
func (in *inbox) path(name string) string { return filepath.Join(in.dir, filepath.FromSlash(name)) }

// list returns the paths of all files below the watched folder. It leaves out files and folders
// whose names begin with a dot.
func (in *inbox) list() ([]string, error) {
	var all []string
	err := filepath.WalkDir(in.dir, func(p string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it was moved meanwhile
		case err == nil && e.IsDir() && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "."):
			return err
		}
		rel, err := filepath.Rel(in.dir, p)
		all = append(all, filepath.ToSlash(rel))
		return err
	})
	return all, err
}

// done reports whether every file is in a final place, and every accepted one has its receipt.
func (in *inbox) done() bool {
	all, err := in.list()
	if err != nil {
		return false
	}
	for _, name := range all {
		place, _, _ := strings.Cut(name, "/")
		switch {
		case strings.HasSuffix(name, resultEnd) || strings.HasSuffix(name, receiptEnd):
		case place == placeAccepted && !slices.Contains(all, name+receiptEnd):
			return false
		case place != placeAccepted && place != placeRefused && place != placeParked && place != placeUnpacked:
			return false
		}
	}
	return true
}

// check checks the watched folder. Every file that was written into it must be there exactly once,
// in the place that fits its outcome, such as accepted or refused. Each invoice must have its
// result, each accepted invoice its receipt, and nothing else may be there.
func (in *inbox) check(a *archived) (errs []error) {
	all, err := in.list()
	if err != nil {
		return []error{err}
	}
	found := map[[32]byte][]string{} // documents by their content
	beside := map[string]bool{}
	for _, name := range all {
		if strings.HasSuffix(name, resultEnd) || strings.HasSuffix(name, receiptEnd) {
			beside[name] = true
			continue
		}
		data, err := os.ReadFile(in.path(name))
		errs = append(errs, err)
		hash := sha256.Sum256(data)
		found[hash] = append(found[hash], name)
	}
	for _, d := range in.drops {
		if d.how != zipped {
			continue
		}
		name, data := d.file()
		if _, err := claim(found, sha256.Sum256(data), placeUnpacked, name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, it := range in.dropped() {
		place := placeAccepted
		got, err := a.result(it)
		switch {
		case it.refused:
			place = placeRefused
		case err != nil:
			errs = append(errs, fmt.Errorf("%s %s: %w", it.nip, it.number, err))
			continue
		case got.State == "parked":
			place = placeParked
		}
		for _, d := range in.drops {
			if d.item != it {
				continue
			}
			name, err := claim(found, it.hash, place, d.path)
			if err == nil {
				err = checkBeside(in.dir, name, place, it, got, beside)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", d.path, err))
			}
		}
	}
	errs = append(errs, in.checkTorn(found, beside)...)
	for _, names := range found {
		errs = append(errs, fmt.Errorf("nobody wrote %v, or another copy of it is in the place where it belongs", names))
	}
	for name := range beside {
		errs = append(errs, fmt.Errorf("%s is beside no file", name))
	}
	return errs
}

// dropped lists what was written into the watched folder, each invoice once.
func (in *inbox) dropped() (all []*item) {
	for _, d := range in.drops {
		if !slices.Contains(all, d.item) {
			all = append(all, d.item)
		}
	}
	return all
}

// claim removes a document from found. The document must be in its place, under the path that it
// was written to. When that name is already in use, the watch adds "~" and the time to it.
func claim(found map[[32]byte][]string, hash [32]byte, place, written string) (string, error) {
	ext := path.Ext(written)
	stem := path.Join(place, strings.TrimSuffix(written, ext))
	for i, name := range found[hash] {
		rest, ok := strings.CutPrefix(name, stem)
		if !ok || rest != ext && !strings.HasPrefix(rest, "~") {
			continue
		}
		if found[hash] = slices.Delete(found[hash], i, i+1); len(found[hash]) == 0 {
			delete(found, hash)
		}
		return name, nil
	}
	return "", fmt.Errorf("is not in %s; in the folder are %v", place, found[hash])
}

// checkBeside checks the result beside a file, and the receipt of an accepted one, and removes both
// names from beside.
func checkBeside(folder, name, place string, it *item, archived result, beside map[string]bool) error {
	delete(beside, name+resultEnd)
	delete(beside, name+receiptEnd)
	raw, err := os.ReadFile(filepath.Join(folder, name+resultEnd))
	if err != nil {
		return err
	}
	var is result
	if err := json.Unmarshal(raw, &is); err != nil {
		return err
	}
	if place == placeRefused {
		if is.State != "refused" || is.Reason == "" {
			return fmt.Errorf("its result says %+v", is)
		}
		return nil
	}
	if is.ID == "" || is.ID != archived.ID || is.State != archived.State || is.KsefNumber != archived.KsefNumber ||
		is.NIP != it.nip || is.Code != archived.Code {
		return fmt.Errorf("its result says %+v, the archive %+v", is, archived)
	}
	if place != placeAccepted {
		return nil
	}
	raw, err = os.ReadFile(filepath.Join(folder, name+receiptEnd))
	if err != nil {
		return err
	}
	var doc upo
	if err := xml.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("its receipt: %w", err)
	}
	return doc.attests(it, is.KsefNumber)
}

// checkTorn removes the unfinished files of killed writers from found. A file that the writer did
// not write again must be in the folder of refused files. A file that it wrote again may be there
// too, if the watch took the unfinished file first.
func (in *inbox) checkTorn(found map[[32]byte][]string, beside map[string]bool) (errs []error) {
	for _, d := range in.drops {
		data := d.item.doc.Data
		hash := sha256.Sum256(data[:len(data)/2])
		if d.torn != "" {
			name, err := claim(found, hash, placeRefused, d.torn)
			if err == nil {
				err = checkBeside(in.dir, name, placeRefused, d.item, result{}, beside)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", d.torn, err))
			}
		}
		if name, err := claim(found, hash, placeRefused, d.path); err == nil {
			delete(beside, name+resultEnd)
		}
	}
	return errs
}
