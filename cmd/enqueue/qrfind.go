package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// find returns the invoice in a file, or the one with an id, a number or a KSeF number. It asks the
// ledger, and the archive when the ledger does not know the invoice.
func (c *qrCmd) find(ctx context.Context, p *program) (coded, error) {
	if _, err := os.Stat(c.Name); err == nil || strings.EqualFold(filepath.Ext(c.Name), ".xml") {
		if err := p.load(p.config); err != nil {
			return coded{}, err
		}
		return c.inFile(p)
	}
	if err := p.openOnce(ctx); err != nil {
		return coded{}, err
	}
	before := p.unread
	invs, err := p.inquiry().Find(ctx, c.Name)
	if err := p.skip(err); err != nil {
		return coded{}, err
	}
	if len(invs) == 0 { // an invoice without a receipt is not in the archive yet
		if invs, err = p.inquiry().FindKsefNumber(ctx, c.Name, ledger.Accepted); err != nil {
			return coded{}, err
		}
	}
	found := make([]results.Result, len(invs))
	for i := range invs {
		found[i] = p.resultOf(invs[i])
	}
	if len(found) == 0 {
		if found, err = (&records.Reader{Store: p.base.Store, Unread: p.sayUnusable}).Find(ctx, c.Name); err != nil {
			return coded{}, err
		}
	}
	// A document that ended without a KSeF number counts only when every document with this invoice
	// number ended without one.
	if alive := slices.DeleteFunc(slices.Clone(found),
		func(r results.Result) bool { return ledger.State(r.State).Ended() }); len(alive) > 0 {
		found = alive
	}
	switch {
	case len(found) == 0 && p.unread > before:
		p.sayUnsure(c.Name)
		return coded{}, errSome
	case len(found) == 0:
		p.say("%s: no such file, and %s", c.Name, unknownName)
		return coded{}, errSome
	case len(found) == 1:
		return ofResult(found[0])
	}
	return coded{}, &usageError{what: "several invoices have number " + c.Name, hint: "give the id: " + idsOf(found)}
}

// ofResult returns what the QR codes of an invoice are made from.
func ofResult(r results.Result) (coded, error) {
	if ledger.State(r.State).Ended() {
		return coded{}, &usageError{what: r.ID + ": " + results.NoCode(r.State),
			hint: "enqueue explain " + r.ID + " says what to do"}
	}
	out := coded{ID: r.ID, Number: r.Number, Seller: r.NIP, IssueDate: r.IssueDate, KsefNumber: r.KsefNumber, Tenant: r.Tenant}
	out.LegalDeadline, _ = time.Parse(time.RFC3339, r.Deadline) // for display
	sum, err := base64.StdEncoding.DecodeString(r.Hash)
	if err != nil || len(sum) != sha256.Size {
		return coded{}, fmt.Errorf("the record of %s has no hash of its document", r.ID)
	}
	out.Hash = [32]byte(sum)
	return out, nil
}
