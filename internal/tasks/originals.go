package tasks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// finder is the part of a run that finds out about originals.
type finder struct{ *confirmation }

// originals finds out about invoices that KSeF may have from another session. These are invoices
// that KSeF calls duplicates (440), and invoices whose session KSeF does not know any more. Only
// content proves what KSeF has. There are three ways to the content, the cheapest first:
//
// The receipt of the original's session holds the hash of every invoice in it, so one request can
// prove ten thousand invoices. Where the receipt cannot be fetched, the original is fetched by its
// number (64 documents an hour). Where KSeF's reference is missing or leads to something else, the
// register's metadata tells the number (20 pages an hour, for all invoices of a package together).
// KSeF's own API tells the hash with the number, and the hash proves as much as the document. An
// invoice about which nothing is proven is parked.
//
// Each finding is written before the next request. When one original cannot be fetched now, the
// work on the other originals goes on.
func (f *finder) originals(ctx context.Context) error {
	var dups []*ledger.Invoice
	for _, inv := range f.held.Undecided(f.p.ID) {
		if inv.OriginalBy != "" {
			dups = append(dups, inv)
		}
	}
	named, others, sick := f.byReceipts(ctx, dups)
	if sick != nil && endsRound(sick) {
		return sick
	}
	contested := f.byContent(ctx, others)
	named, unwritten := f.proveByNumber(ctx, named)
	byName := cmp.Or(unwritten, f.byDocuments(ctx, named))
	unfinished := f.search(ctx, knownBy(dups, settlement.BySearch))
	byNumber := f.byDocuments(ctx, knownBy(dups, settlement.ByRegister))
	return cmp.Or(unfinished, contested, byName, byNumber, sick)
}

// knownBy returns those invoices of dups that are undecided and have the given OriginalBy.
func knownBy(dups []*ledger.Invoice, by string) []*ledger.Invoice {
	var out []*ledger.Invoice
	for _, inv := range dups {
		if inv.OriginalBy == by && !inv.State.Final() {
			out = append(out, inv)
		}
	}
	return out
}

// byReceipts decides about duplicates by the receipts of the originals' sessions. It returns the
// duplicates that need another proof; KSeF named a number for each of them. The result others has
// those for which a receipt attests other bytes under that number. The result named has those that
// no receipt attests.
func (f *finder) byReceipts(ctx context.Context, dups []*ledger.Invoice) (
	named []*ledger.Invoice, others []settlement.OtherBytes, sick error) {
	bySession := map[string][]*ledger.Invoice{}
	for _, inv := range knownBy(dups, settlement.ByAnswer) {
		bySession[inv.OriginalSession] = append(bySession[inv.OriginalSession], inv)
	}
	// When the receipt of one session cannot be fetched now, the work on the other sessions goes
	// on. The invoices of that session are looked into at the next poll. An error that the next
	// request would meet as well, such as a limit, ends the round.
	for session, dups := range bySession {
		upo, err := f.receiptOf(ctx, session, dups)
		if err != nil {
			sick = cmp.Or(sick, err)
			if endsRound(err) {
				break
			}
			continue
		}
		for _, inv := range dups {
			switch finding := settlement.ByReceipt(inv, upo.receipt, upo.url); {
			case finding.Other != nil:
				others = append(others, *finding.Other)
			case finding.Document:
				named = append(named, inv)
			default:
				sick = cmp.Or(sick, f.w.writer.writeOne(ctx, f.p, *finding.Move))
			}
		}
	}
	return named, others, sick
}

// receiptOf fetches the receipt of the originals' session. It archives a receipt that attests all
// of these invoices, because the session's package may no longer be in any ledger. A receipt that
// lacks some of them may be incomplete only for a while, and an archived object is never replaced.
// Such a receipt is asked for again with the package's receipts.
func (f *finder) receiptOf(ctx context.Context, session string, dups []*ledger.Invoice) (upo sessionUPO, err error) {
	if session == "" {
		return sessionUPO{}, nil
	}
	lacks := func(r ksef.Receipt) string {
		for _, inv := range dups {
			if r.ByHash[inv.Hash] == "" {
				return "it does not attest all of these invoices"
			}
		}
		return ""
	}
	err = f.w.archiving.lookup(dups[0].Tenant, func() (err error) {
		upo, _, err = f.w.archivist.attestation(ctx, f.t, dups[0].ContextNIP(), session, dups[0].IssueDate, lacks)
		return err
	})
	return upo, err
}

// byDocuments fetches originals one after the other. When one cannot be fetched now, it goes on
// with the next. sick is the first error of such a fetch.
func (f *finder) byDocuments(ctx context.Context, invs []*ledger.Invoice) (sick error) {
	for _, inv := range invs {
		if err := f.byDocument(ctx, inv); err != nil {
			sick = cmp.Or(sick, err)
			if endsRound(err) {
				break
			}
		}
	}
	return sick
}

// byDocument fetches the original by its number and compares it with the invoice.
func (f *finder) byDocument(ctx context.Context, inv *ledger.Invoice) error {
	doc, err := f.t.Invoice(ctx, inv.OriginalNumber)
	if withheld(err) {
		return f.w.writer.writeOne(ctx, f.p, *settlement.Withheld(inv).Move)
	}
	if err != nil {
		return err
	}
	hash := ledger.HashText(sha256.Sum256(doc))
	same := hash != inv.Hash && inv.OriginalBy != settlement.ByRegister && sameIdentity(inv, doc)
	finding := settlement.ByDocument(inv, hash, same)
	if finding.Other != nil {
		return f.compare(ctx, *finding.Other, doc)
	}
	return f.w.writer.writeOne(ctx, f.p, *finding.Move)
}

func sameIdentity(inv *ledger.Invoice, doc []byte) bool {
	// KSeF's production takes discouraged characters, which our own checks may refuse, and it takes
	// larger documents from some taxpayers.
	h, err := invoice.ParseWith(doc, invoice.ParseOptions{MaxSize: int64(len(doc)) + 1, AllowDiscouraged: true})
	return err == nil && h.SellerNIP == inv.NIP && h.Kind == inv.Kind &&
		settlement.NormalName(h.Number) == settlement.NormalName(inv.Number)
}

// manyInARow is how many originals in a row may fail. After that, the fault is taken for a fault of
// KSeF or of this program, and no longer for a fault of the single originals.
const manyInARow = 3

// byContent decides about invoices of which KSeF has other bytes. The original comes from the
// archive if the archive has it, else from KSeF. KSeF gives only 64 documents an hour, and after a
// total loss of Redis one export of everything brings all these invoices back. When an original
// cannot be fetched, byContent goes on with the next. Only a limit, a denial or several failures in
// a row end the round. The order changes with each round, so that the same originals do not end
// every round.
func (f *finder) byContent(ctx context.Context, others []settlement.OtherBytes) error {
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	var failed error
	row := 0
	for _, o := range others {
		err := f.w.archiving.lookup(o.Invoice.Tenant, func() error { return f.compareOriginal(ctx, o) })
		if err == nil {
			row = 0
			continue
		}
		failed = err
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			continue // somebody else moved it
		}
		switch retry.Judge(err).Reason {
		case retry.ReasonLimit, retry.ReasonThrottled, retry.ReasonDenied:
			return failed
		}
		if row++; row == manyInARow || ctx.Err() != nil {
			break
		}
	}
	return failed
}

func (f *finder) compareOriginal(ctx context.Context, o settlement.OtherBytes) error {
	doc, err := f.w.archivist.archived(ctx, o.Invoice, o.Hash)
	if err != nil || doc == nil { // an archive that is away is no obstacle, because KSeF has the document too
		doc, err = f.t.Invoice(ctx, o.Invoice.OriginalNumber)
	}
	if withheld(err) {
		return f.w.writer.writeOne(ctx, f.p, *settlement.ByContent(o, "", "KSeF does not give it").Move)
	}
	if err != nil {
		return err
	}
	return f.compare(ctx, o, doc)
}

// compare decides about an invoice whose original in KSeF has other bytes. If both are the same
// invoice, it archives the original before the ledger names the original's hash. If the archive
// does not take the original now, KSeF is asked for it once more when the documents are archived.
func (f *finder) compare(ctx context.Context, o settlement.OtherBytes, original []byte) error {
	inv := o.Invoice
	difference, why := "", ""
	ours, err := f.w.documents.document(ctx, inv)
	var lost *errDocument
	switch {
	case errors.As(err, &lost):
		why = "ours " + lost.why
	case err != nil:
		return err
	default:
		if difference, err = invoice.FirstDifference(ours, original); err != nil {
			why = "KSeF's document could not be read"
		}
	}
	m := *settlement.ByContent(o, difference, why).Move
	if m.Fate != settlement.Accept {
		return f.w.writer.writeOne(ctx, f.p, m)
	}
	if ledger.HashText(sha256.Sum256(original)) == o.Hash {
		name := archive.InvoiceName(inv.NIP, inv.IssueDate, inv.IDWith(o.Hash))
		if err := f.w.Store.Put(ctx, name, original, "application/xml"); err != nil {
			f.w.o.Log.Warn().Str("id", inv.ID).Err(err).Msg("the document that KSeF has is not archived yet")
		}
	}
	f.w.o.Log.Info().Str("id", inv.ID).Msg("KSeF has the same invoice in other bytes: it was exported again")
	return f.w.writer.writeOne(ctx, f.p, m)
}
