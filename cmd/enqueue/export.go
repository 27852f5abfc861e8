package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
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

// run writes the document and the result of each invoice, and the receipts of their sessions. The
// exit code is 3 when an invoice was not found, when an invoice lacks something that it should
// have, or when an existing file with other content was not overwritten. It is also 3 when a part
// of the archive or the ledger that may have more of these invoices is damaged or away.
func (c *exportCmd) run(ctx context.Context, p *program) error {
	if err := c.open(ctx, p, len(c.Names) == 0); err != nil {
		return err
	}
	defer c.close()
	failed := func(err error) error {
		return &usageError{what: fmt.Sprintf("cannot use the folder %s: %v", c.To, err), hint: "name another one with --to"}
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
	removed, release := holdFolder(root)
	defer release()
	if removed > 0 {
		p.say("removed %s from %s, left there by an earlier run that was killed", plural.Of(removed, "file", "files"), c.To)
	}
	to, whole := newExported(p, root, c.Overwrite), true
	done := map[string]bool{} // several names may stand for one invoice
	c.writeAttested = func(a records.Attested) error {
		if done[a.KsefNumber] {
			return nil
		}
		done[a.KsefNumber] = len(c.Names) > 0
		return c.exportAttested(ctx, p, to, a)
	}
	some, err := c.each(ctx, p, c.Names, func(r results.Result, entry *ledger.Invoice) error {
		if done[r.ID] {
			return nil
		}
		done[r.ID] = len(c.Names) > 0
		all, err := c.export(ctx, p, to, r, entry)
		whole = whole && all
		return err
	})
	to.sayWritten()
	if err == nil && (some || !whole) {
		return errSome
	}
	return err
}

// export writes the document, the receipt and the result of one invoice, as far as they exist.
// whole is false when the invoice lacks something that it should have, or when a file with other
// content was kept.
func (c *exportCmd) export(ctx context.Context, p *program, to *exported, r results.Result, inv *ledger.Invoice) (whole bool, err error) {
	archived := inv == nil // a result that comes from the archive is written as it is
	if inv != nil {
		of := r
		if r, archived, err = c.kept(ctx, r); err != nil {
			return c.fromRedis(ctx, p, to, of, inv, err)
		}
	}
	base := fileName(cmp.Or(r.KsefNumber, r.ID))
	doc, lacks, err := c.document(ctx, p, r, inv)
	if err != nil {
		return false, err
	}
	written := false
	if lacks != nil {
		p.say("%s: %s.xml is not written, because its document is not there: %v", r.ID, base, lacks)
	} else if written, err = to.write(base+".xml", doc); err != nil {
		return false, err
	}
	attested, err := c.receipt(ctx, p, to, r, base)
	if err != nil {
		return false, err
	}
	if !archived {
		r.AddDocument(doc)
	}
	result, err := to.result(base, r)
	to.count(written && result, attested)
	return written && result && attested, err
}

// exportAttested writes the document and the receipt of an invoice whose result is lost. The
// receipt lists the hash of the document, so the two belong together. The invoice is not whole.
func (c *exportCmd) exportAttested(ctx context.Context, p *program, to *exported, a records.Attested) error {
	r, ok := a.Result()
	if !ok {
		return nil
	}
	doc, err := c.archive.Document(ctx, r)
	if err != nil {
		return err
	}
	base := fileName(r.KsefNumber)
	if _, err := to.write(base+".xml", doc); err != nil {
		return err
	}
	attested, err := c.receipt(ctx, p, to, r, base)
	if err != nil {
		return err
	}
	p.say("%s: %s.json is not written, because its result %s is missing or damaged", a.KsefNumber, base,
		a.ResultName())
	to.count(false, attested)
	return nil
}

// document returns the document of an invoice, from the archive or, if the archive lacks it, from
// Redis. lacks says why neither has it. err says that the archive or Redis could not be asked.
func (c *exportCmd) document(ctx context.Context, p *program, r results.Result, inv *ledger.Invoice) (doc []byte, lacks, err error) {
	doc, err = c.archive.Document(ctx, r)
	if !records.Missing(err) {
		return doc, nil, err
	}
	if lacks = err; inv == nil {
		return nil, lacks, nil
	}
	doc, err = p.base.Document(ctx, inv)
	if records.Missing(err) || errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("%w; Redis does not have it either", lacks), nil
	}
	if err == nil && records.HashOf(doc) != r.Hash {
		return nil, fmt.Errorf("%w; the copy in Redis differs from the document that KSeF has", lacks), nil
	}
	return doc, nil, err
}

// fromRedis writes the document of an invoice from Redis, and the result as the ledger has it, when
// the archive cannot be asked. The invoice is not whole then, because nobody knows what the archive
// has of it. When Redis does not have the document with the hash of the result, fromRedis returns
// the error of the archive.
func (c *exportCmd) fromRedis(ctx context.Context, p *program, to *exported, r results.Result, inv *ledger.Invoice, away error) (
	whole bool, err error,
) {
	if inv.BodyArchived || ctx.Err() != nil {
		return false, away
	}
	doc, err := p.base.Document(ctx, inv)
	if err != nil || records.HashOf(doc) != r.Hash {
		return false, away
	}
	p.say("%s: the archive cannot be asked (%s), so the document and the result of this invoice come from Redis, without a receipt (UPO); "+
		"export it again when the archive is back", r.ID, connect.Explain(away))
	base := fileName(cmp.Or(r.KsefNumber, r.ID))
	written, err := to.write(base+".xml", doc)
	if err != nil {
		return false, err
	}
	r.AddDocument(doc)
	result, err := to.result(base, r)
	to.count(written && result, false)
	return false, err
}

// kept prefers the archived result of an invoice that the ledger has. So the export is the same
// whether a person named the id, the number or the KSeF number. When the archive has no result, or
// has one from before the last decision, kept returns the result of the ledger, and false.
func (c *exportCmd) kept(ctx context.Context, r results.Result) (results.Result, bool, error) {
	archived, ok, err := c.archive.Kept(ctx, r)
	if err != nil || !ok {
		return r, false, err
	}
	final := ledger.State(archived.State) == ledger.Receipted // then the result never changes again
	if final || archived.State == r.State && archived.KsefNumber == r.KsefNumber {
		return archived, true, nil
	}
	return r, false, nil
}

// receipt writes the receipt of an invoice. One receipt attests all invoices of a session, which
// can be thousands. So it is written once, and the result of each invoice names it. If the receipt
// attests the invoice that a person named, it is also written under the name of that invoice.
func (c *exportCmd) receipt(ctx context.Context, p *program, to *exported, r results.Result, base string) (whole bool, err error) {
	if r.UPO == "" && r.KsefNumber == "" {
		return true, nil // KSeF has not accepted it, so there is nothing to attest
	}
	address := cmp.Or(records.ReceiptName(r), r.UPO) // the name, because an archive that was moved has another URL
	name, known := to.receipts[address]
	named := len(c.Names) > 0
	switch {
	case known && name == "":
		p.say("%s: its receipt %s was not written, see above", r.ID, r.UPO)
		return false, nil
	case known && !named:
		return true, nil
	}
	upo, err := c.archive.Receipt(ctx, r)
	lacks := err
	if err == nil && named {
		lacks = upo.Attests(r)
	}
	if records.Missing(lacks) {
		p.say("%s: its receipt (UPO) is not written: %v", r.ID, lacks)
		if err != nil && r.UPO != "" {
			to.receipts[address] = ""
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !known {
		if name, err = to.receipt(upo); err != nil {
			return false, err
		}
		to.receipts[address] = name
	}
	if name == "" || !named {
		return name != "", nil
	}
	return to.link(base+"-upo.xml", name)
}

// fileName makes the name of a file from a KSeF number or an id. It replaces characters that no
// KSeF number and no id has, because somebody may have changed the archive.
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
