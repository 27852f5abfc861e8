package tasks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// How the original of an invoice is known: its OriginalBy in the ledger. "" says that nobody called it a
// duplicate: its code may be that of its session, and a session that was cancelled has the duplicate's
// number, 440.
const (
	byAnswer   = "answer"   // KSeF called it a duplicate, which is not proven yet
	bySearch   = "search"   // KSeF did not name it, or named another: the register is looked through
	byRegister = "register" // the register's metadata has it: seller, kind and number agree
)

// recover finds out about invoices that KSeF may have from another session: those it calls duplicates (440), and those whose session it has forgotten. Is the original the very document
// that we sent before, its answer lost, or something else of the same number? Only content proves it, and there are three ways to it, the cheapest first:
//
// The receipt of the original's session holds the hash of every invoice in it, so one request can prove ten thousand. Where it cannot be had, the original is fetched by its number (64 an
// hour). Where KSeF's reference is missing or leads to something else, the register's metadata tells the number (20 pages an hour, for all of a package together). What nothing
// proves is parked.
func (w *Worker) recover(ctx context.Context, t Transport, p *ledger.Package, invs []ledger.Invoice) error {
	var dups []*ledger.Invoice
	for i := range invs {
		if invs[i].OriginalBy != "" {
			dups = append(dups, &invs[i])
		}
	}
	named, others, sick := w.byReceipts(ctx, t, dups)
	if sick != nil && endsRound(sick) {
		return sick
	}
	contested := w.byContent(ctx, t, others)
	byName := w.byDocuments(ctx, t, named)
	unfinished := w.search(ctx, t, p, which(dups, bySearch))
	byNumber := w.byDocuments(ctx, t, which(dups, byRegister))
	return cmp.Or(unfinished, contested, byName, byNumber, sick)
}

// byDocuments fetches originals one after the other. One that cannot be had now stops no other.
func (w *Worker) byDocuments(ctx context.Context, t Transport, invs []*ledger.Invoice) (sick error) {
	for _, inv := range invs {
		err := w.byDocument(ctx, t, inv)
		if err != nil {
			sick = cmp.Or(sick, err)
			if endsRound(err) {
				break
			}
		}
	}
	return sick
}

// which gives those undecided ones whose original is known in that way.
func which(dups []*ledger.Invoice, by string) []*ledger.Invoice {
	var out []*ledger.Invoice
	for _, inv := range dups {
		if inv.OriginalBy == by && !inv.State.Final() {
			out = append(out, inv)
		}
	}
	return out
}

// byReceipts decides what the receipts of the originals' sessions prove, and returns what is left of those that KSeF named a number for: those of which a receipt attests
// other bytes, and those that no receipt tells of.
func (w *Worker) byReceipts(ctx context.Context, t Transport, dups []*ledger.Invoice) (left []*ledger.Invoice, others []otherBytes, sick error) {
	bySession := map[string][]*ledger.Invoice{}
	for _, inv := range which(dups, byAnswer) {
		bySession[inv.OriginalSession] = append(bySession[inv.OriginalSession], inv)
	}
	// One session whose receipt cannot be had now stops no other: what it leaves open is looked into at
	// the next poll. A limit, or nothing but failures, ends the round.
	for session, dups := range bySession {
		var upo sessionUPO
		if session != "" {
			// The original's session may be of a package that nobody remembers: its receipt is kept when it
			// proves all of these. One that lacks some may be short for a while, and what is archived is
			// never replaced; it is asked for again with the package's receipts.
			proves := func(r ksef.Receipt) string {
				for _, inv := range dups {
					if r.ByHash[inv.Hash] == "" {
						return "it does not attest all of these invoices"
					}
				}
				return ""
			}
			err := w.lookup(dups[0].Tenant, func() (err error) {
				upo, _, err = w.attestation(ctx, t, dups[0].ContextNIP(), session, dups[0].IssueDate, proves)
				return err
			})
			if err != nil {
				sick = cmp.Or(sick, err)
				if endsRound(err) {
					break
				}
				continue
			}
		}
		for _, inv := range dups {
			var err error
			number, same := upo.receipt.ByHash[inv.Hash]
			line, _ := upo.receipt.Line(inv.OriginalNumber)
			switch {
			case same && wrongNumber(inv, number) == "":
				err = w.recovered(ctx, inv, number, upo)
			case same:
				err = w.park(ctx, inv, inv.Code, fmt.Sprintf("KSeF has this very document (equal hash) as %q, but %s; look it up in KSeF: nothing is left to do when it is there", number, wrongNumber(inv, number)))
			case normalName(line.Number) == normalName(inv.Number) && line.SellerNIP == inv.NIP:
				others = append(others, otherBytes{inv, line.Hash, upo})
			case wrongNumber(inv, inv.OriginalNumber) != "":
				err = w.doubt(ctx, inv)
			default:
				left = append(left, inv)
			}
			sick = cmp.Or(sick, err)
		}
	}
	return left, others, sick
}

// byDocument fetches the original by its number and compares.
func (w *Worker) byDocument(ctx context.Context, t Transport, inv *ledger.Invoice) error {
	doc, err := t.Invoice(ctx, inv.OriginalNumber)
	if withheld(err) {
		if inv.OriginalBy != byRegister {
			return w.doubt(ctx, inv)
		}
		return w.park(ctx, inv, inv.Code, fmt.Sprintf("KSeF has an invoice of this number as %s but does not give it: compare it by hand, then retry or leave it", inv.OriginalNumber))
	}
	if err != nil {
		return err
	}
	hash := HashText(sha256.Sum256(doc))
	switch {
	case hash == inv.Hash:
		return w.recovered(ctx, inv, inv.OriginalNumber, sessionUPO{})
	case inv.OriginalBy == byRegister || sameIdentity(inv, doc):
		return w.decideByContent(ctx, otherBytes{inv: inv, hash: hash}, doc)
	}
	return w.doubt(ctx, inv)
}

func sameIdentity(inv *ledger.Invoice, doc []byte) bool {
	// Production takes what a check of ours may not, and more of some taxpayers than of others.
	h, err := invoice.ParseWith(doc, invoice.ParseOptions{MaxSize: int64(len(doc)) + 1, TakeDiscouraged: true})
	return err == nil && h.SellerNIP == inv.NIP && h.Kind == inv.Kind && normalName(h.Number) == normalName(inv.Number)
}

// recovered is the end of an invoice that KSeF has, proven by its content. upo is the receipt that proved it, or none.
func (w *Worker) recovered(ctx context.Context, inv *ledger.Invoice, number string, upo sessionUPO, more ...ledger.Set) error {
	set := append(because(ksef.InvoiceAccepted, ""), ledger.Set{Field: "ksef_number", Value: tidyNumber(number)},
		ledger.Set{Field: "recovered", Value: true}, ledger.Set{Field: "upo", Value: upo.url})
	set = append(set, more...)
	line, _ := upo.receipt.Line(number)
	if at := line.AssignedAt; !at.IsZero() {
		set = append(set, ledger.Set{Field: "accepted_at", Value: ledger.At(at)})
	}
	if err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Accepted, Set: set}); err != nil {
		return err
	}
	inv.State = ledger.Accepted
	w.reached(KindConfirm, ledger.Accepted, 1)
	w.o.Log.Info().Str("id", inv.ID).Str("ksef_number", number).Msg("accepted earlier, recovered")
	return nil
}

// doubt notes that KSeF's reference to the original proves nothing: the register is looked through.
func (w *Worker) doubt(ctx context.Context, inv *ledger.Invoice) error {
	if err := w.note(ctx, inv, ledger.Set{Field: "orig_by", Value: bySearch}); err != nil {
		return err
	}
	inv.OriginalBy = bySearch
	return nil
}

// note writes fields of an invoice and leaves it where it is.
func (w *Worker) note(ctx context.Context, inv *ledger.Invoice, set ...ledger.Set) error {
	if err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{inv.State}, Set: set}); err != nil {
		return err
	}
	inv.Rev++
	return nil
}
