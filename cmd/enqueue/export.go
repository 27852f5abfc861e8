package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

type exportCmd struct {
	where
	To        string   `help:"Folder for the files; it is made when it is missing." required:"" placeholder:"FOLDER"`
	Until     string   `help:"Last issue date, included." placeholder:"D"`
	Overwrite bool     `help:"Replace files of the folder that have other content."`
	Names     []string `arg:"" optional:"" name:"ID|P_2|KSEF_NUMBER" help:"${where_names}"`
}

func (c *exportCmd) check() error {
	if c.To == "" {
		return &usageError{what: "--to is empty", hint: unsetVariable}
	}
	c.last = c.Until
	return c.where.check("--until", c.Names)
}

// run writes the document, the receipt and the result of each invoice. The exit code is 3 when an
// invoice was not found, when an invoice lacks something that it should have, or when a file with
// other content was kept.
func (c *exportCmd) run(ctx context.Context, p *program) error {
	if err := c.open(ctx, p, len(c.Names) == 0); err != nil {
		return err
	}
	defer c.close()
	failed := func(err error) error {
		return &usageError{what: fmt.Sprintf("use the folder %s: %v", c.To, err), hint: "name another one with --to"}
	}
	const ownerOnly = 0o700 // the files have content of invoices
	if err := os.MkdirAll(c.To, ownerOnly); err != nil {
		return failed(err)
	}
	root, err := os.OpenRoot(c.To)
	if err != nil {
		return failed(err)
	}
	defer root.Close()
	to, whole := &exported{program: p, root: root, overwrite: c.Overwrite}, true
	some, err := c.each(ctx, p, c.Names, func(r results.Result, entry *ledger.Invoice) error {
		all, err := c.export(ctx, p, to, r, entry)
		whole = whole && all
		return err
	})
	if err == nil && (some || !whole) {
		return errSome
	}
	return err
}

// export writes the document, the receipt and the result of one invoice, as far as they exist.
// whole is false when the invoice lacks something that it should have, or when a file with other
// content was kept.
func (c *exportCmd) export(ctx context.Context, p *program, to *exported, r results.Result, inv *ledger.Invoice) (whole bool, err error) {
	whole, base := true, fileName(cmp.Or(r.KsefNumber, r.ID))
	write := func(suffix string, data []byte) error {
		written, err := to.write(base+suffix, data)
		whole = whole && written
		return err
	}
	doc, err := c.archive.Document(ctx, r)
	if records.Missing(err) && inv != nil { // it waits, so it is not archived yet
		doc, err = p.base.Document(ctx, inv)
	}
	switch {
	case err == nil:
		if err := write(".xml", doc); err != nil {
			return false, err
		}
	case records.Missing(err), errors.Is(err, ledger.ErrNotFound):
		p.say("%s: its document is not there: %v", r.ID, err)
		whole = false
	default:
		return false, err
	}
	upo, err := c.archive.Receipt(ctx, r)
	switch {
	case err == nil:
		if err := write("-upo.xml", upo.Raw); err != nil {
			return false, err
		}
	case errors.Is(err, records.ErrNoReceipt) && r.KsefNumber == "":
		// KSeF has not accepted it, so there is nothing to attest.
	case records.Missing(err):
		p.say("%s: %v", r.ID, err)
		whole = false
	default:
		return false, err
	}
	result, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return false, fmt.Errorf("write the result of %s: %w", r.ID, err)
	}
	err = write(".json", append(result, '\n'))
	return whole, err
}

// exported is the folder of an export. A symbolic link in it cannot lead outside it.
type exported struct {
	*program
	root      *os.Root
	overwrite bool
}

// write writes a file completely or not at all, and prints its path. A file that already has the
// content is left alone and counts as written. A file with other content is overwritten only if
// overwrite is set. Otherwise it stays, and written is false.
func (e *exported) write(name string, data []byte) (written bool, err error) {
	path := filepath.Join(e.root.Name(), name)
	failed := func(err error) error {
		return &usageError{what: fmt.Sprintf("write %s: %v", path, err), hint: "name another folder with --to"}
	}
	switch held, err := e.root.ReadFile(name); {
	case err == nil && bytes.Equal(held, data):
		e.say("%s is there already, with the same content", path)
		return true, nil
	case err == nil && !e.overwrite:
		e.say("%s is there already, with other content, and stays as it is; --overwrite replaces it", path)
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, failed(err)
	}
	temp := ".enqueue-" + rand.Text()
	err = e.root.WriteFile(temp, data, 0o600)
	if err == nil {
		err = e.root.Rename(temp, name)
	}
	if err != nil {
		return false, failed(errors.Join(err, e.removed(temp)))
	}
	e.out.println(path)
	return true, nil
}

func (e *exported) removed(temp string) error {
	if err := e.root.Remove(temp); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// fileName makes the name of a file from a KSeF number or an id. It replaces characters that
// neither of them has, because somebody may have changed the archive.
func fileName(text string) string {
	const maxLength = 100
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, text)
	return safe[:min(len(safe), maxLength)]
}
