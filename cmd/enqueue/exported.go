package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"ksefworker/internal/plural"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// receiptsFolder is the folder for receipts inside the folder of an export, as in the archive.
const receiptsFolder = "upo"

// exported is the folder of an export. A symbolic link in it cannot lead outside it.
type exported struct {
	*program
	root      *os.Root
	overwrite bool

	// receipts maps each receipt to its file, or to "" if the receipt was not written. The key is
	// the receipt's name in the archive. If the URL in a result contains no such name, the URL is
	// the key.
	receipts map[string]string
	invoices int // invoices whose document and result are in the folder
	lacking  int // invoices that lack something that they should have
	attests  int // receipts that are in the folder
	files    int // files that were written
	bytes    int64
}

func newExported(p *program, root *os.Root, overwrite bool) *exported {
	return &exported{program: p, root: root, overwrite: overwrite, receipts: map[string]string{}}
}

// result writes the result of an invoice. It is called after the other files of the invoice are
// written.
func (e *exported) result(base string, r results.Result) (written bool, err error) {
	result, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return false, fmt.Errorf("write the result of %s: %w", r.ID, err)
	}
	return e.write(base+".json", append(result, '\n'))
}

// count counts an invoice. written says that its document and its result are in the folder. whole
// says that nothing else of it is missing.
func (e *exported) count(written, whole bool) {
	if written {
		e.invoices++
	}
	if !written || !whole {
		e.lacking++
	}
}

// receipt writes the receipt of a session, and returns the name of the file. The name is "" when a
// file with other content was kept.
func (e *exported) receipt(upo records.Receipt) (name string, err error) {
	const ownerOnly = 0o700
	if err := e.root.MkdirAll(receiptsFolder, ownerOnly); err != nil {
		return "", e.failed(receiptsFolder, err)
	}
	file := path.Base(upo.Name)
	name = receiptsFolder + "/" + fileName(strings.TrimSuffix(file, path.Ext(file))) + ".xml"
	written, err := e.write(name, upo.Raw)
	if err != nil || !written {
		return "", err
	}
	e.attests++
	return name, nil
}

// link gives a file of the folder a second name by a hard link, which takes no space. When that
// fails, it writes a copy.
func (e *exported) link(name, of string) (written bool, err error) {
	if e.root.Link(of, name) == nil {
		e.wrote(name, 0)
		return true, nil
	}
	data, err := e.root.ReadFile(of)
	if err != nil {
		return false, e.failed(name, err)
	}
	return e.write(name, data) // write compares the data with what is there already
}

// write writes a file completely or not at all, and prints its path. A file that already has the
// content is left alone and counts as written. A file with other content is overwritten only if
// overwrite is set. Otherwise it stays, and written is false.
func (e *exported) write(name string, data []byte) (written bool, err error) {
	path := e.path(name)
	switch held, err := e.root.ReadFile(name); {
	case err == nil && bytes.Equal(held, data):
		e.say("%s is there already, with the same content", path)
		return true, nil
	case err == nil && !e.overwrite:
		e.say("%s is there already, with other content, and stays as it is; --overwrite replaces it", path)
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, e.failed(name, err)
	}
	temp := ".enqueue-" + rand.Text()
	err = e.root.WriteFile(temp, data, 0o600)
	if err == nil {
		err = e.root.Rename(temp, name)
	}
	if err != nil {
		return false, e.failed(name, errors.Join(err, e.removed(temp)))
	}
	e.wrote(name, len(data))
	return true, nil
}

func (e *exported) wrote(name string, size int) {
	e.files++
	e.bytes += int64(size)
	e.out.println(e.path(name))
}

func (e *exported) path(name string) string { return filepath.Join(e.root.Name(), name) }

func (e *exported) failed(name string, err error) error {
	return &usageError{what: fmt.Sprintf("write %s: %v", e.path(name), err), hint: "name another folder with --to"}
}

// sayWritten says what the folder has of this export, and what was written for it.
func (e *exported) sayWritten() {
	lacking := ""
	if e.lacking > 0 {
		lacking = "; not whole, see above: " + plural.Of(e.lacking, "invoice", "invoices")
	}
	e.say("%s and %s are in %s; written: %s, %s%s", plural.Of(e.invoices, "invoice", "invoices"),
		plural.Of(e.attests, "receipt (UPO)", "receipts (UPO)"), e.root.Name(),
		plural.Of(e.files, "file", "files"), plural.Of(e.bytes, "byte", "bytes"), lacking)
}

func (e *exported) removed(temp string) error {
	if err := e.root.Remove(temp); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
