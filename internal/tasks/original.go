package tasks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// otherBytes is an invoice of whose number KSeF has a document with another hash than ours. That is a
// conflict, or the export was made again.
type otherBytes struct {
	inv  *ledger.Invoice
	hash string     // of the document that KSeF has
	upo  sessionUPO // which attests that hash, or none
}

// manyInARow is how many originals in a row may not be had before it is taken for KSeF's fault, or
// ours, and not theirs.
const manyInARow = 3

// byContent decides about invoices of which KSeF has other bytes. The original comes from the archive
// where that has it (a ledger that was lost is filled again by one export of everything, and KSeF gives
// 64 documents an hour), else from KSeF. One that cannot be had does not stop the others: they come in
// another order each time, and only a limit, or several failures in a row, end the round.
func (w *Worker) byContent(ctx context.Context, t Transport, others []otherBytes) error {
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	var failed error
	row := 0
	for _, o := range others {
		err := w.lookup(o.inv.Tenant, func() error { return w.compareOriginal(ctx, t, o) })
		if err == nil {
			row = 0
			continue
		}
		failed = err
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			continue // somebody else moved it
		}
		reason := retry.Judge(err).Reason
		if row++; row == manyInARow || reason == retry.ReasonLimit || reason == retry.ReasonThrottled || ctx.Err() != nil {
			break
		}
	}
	return failed
}

func (w *Worker) compareOriginal(ctx context.Context, t Transport, o otherBytes) error {
	doc, err := w.archived(ctx, o.inv, o.hash)
	if err != nil || doc == nil { // an archive that is away stops nobody: KSeF has the document, too
		doc, err = t.Invoice(ctx, o.inv.OriginalNumber)
	}
	if withheld(err) {
		return w.conflict(ctx, o, "KSeF does not give it, so the two could not be compared")
	}
	if err != nil {
		return err
	}
	return w.decideByContent(ctx, o, doc)
}

// decideByContent ends an invoice whose original is another document: accepted when the two are the
// same invoice, a conflict otherwise.
func (w *Worker) decideByContent(ctx context.Context, o otherBytes, original []byte) error {
	inv := o.inv
	ours, err := w.document(ctx, inv)
	var lost *errDocument
	if errors.As(err, &lost) {
		return w.conflict(ctx, o, "ours "+lost.why+", so the two could not be compared")
	}
	if err != nil {
		return err
	}
	where, err := invoice.FirstDifference(ours, original)
	switch {
	case err != nil:
		return w.conflict(ctx, o, "KSeF's could not be read, so the two could not be compared")
	case where != "":
		return w.conflict(ctx, o, "first difference: "+where)
	case wrongNumber(inv, inv.OriginalNumber) != "":
		return w.doubt(ctx, inv)
	}
	// Kept before the ledger names its hash. Where the archive takes nothing now, KSeF is asked for it
	// once more when the documents are archived.
	if HashText(sha256.Sum256(original)) == o.hash {
		name := archive.InvoiceName(inv.NIP, inv.IssueDate, contentID(inv, o.hash))
		if err := w.Store.Put(ctx, name, original, "application/xml"); err != nil {
			w.o.Log.Warn().Str("id", inv.ID).Err(err).Msg("the document that KSeF has is not archived yet")
		}
	}
	w.o.Log.Info().Str("id", inv.ID).Msg("KSeF has the same invoice in other bytes: it was exported again")
	return w.recovered(ctx, inv, inv.OriginalNumber, o.upo, ledger.Set{Field: "hash", Value: o.hash})
}

// archived returns the document of this hash that the archive has of the same identity and month; nil
// when it has none.
func (w *Worker) archived(ctx context.Context, inv *ledger.Invoice, hash string) ([]byte, error) {
	id := contentID(inv, hash)
	if id == "" {
		return nil, nil
	}
	doc, err := w.Store.Get(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, id))
	if errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) || err == nil && HashText(sha256.Sum256(doc)) != hash {
		return nil, nil
	}
	return doc, err
}

// conflict parks an invoice of whose number KSeF has another document. The two may be one sale, and a
// new number would make a second invoice of it, so that is advised for another sale only.
func (w *Worker) conflict(ctx context.Context, o otherBytes, note string) error {
	inv := o.inv
	return w.park(ctx, inv, inv.Code, fmt.Sprintf("conflict: KSeF has another document of this number as %s (hash %s, ours %s; %s); "+
		"look that one up in KSeF and compare the two: if it is the same sale, KSeF's is the invoice: hand its document in or dismiss this one, and put right what is wrong in it "+
		"by a correction invoice; only another sale needs another number",
		inv.OriginalNumber, o.hash, inv.Hash, note))
}

// documentName is where an invoice's document is archived. Of one that KSeF has in other bytes than were
// handed in, the name may be taken by ours, from before that was known: KSeF's has the name that
// follows from its own bytes then.
func (w *Worker) documentName(ctx context.Context, inv *ledger.Invoice, doc []byte) string {
	name := archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID)
	own := contentID(inv, HashText(sha256.Sum256(doc)))
	if own == "" || own == inv.ID {
		return name
	}
	if ours, err := w.Store.Get(ctx, name); err == nil && contentID(inv, HashText(sha256.Sum256(ours))) == inv.ID {
		return archive.InvoiceName(inv.NIP, inv.IssueDate, own)
	}
	return name
}
