package tasks

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

const (
	// maxReceiptWait is how long a settled package waits as a whole for its receipt, so that the
	// archive is written in one go. Usually the receipt is there at once.
	maxReceiptWait = time.Hour
	// receiptRest is the longest pause between two requests for a receipt. The requests never end,
	// because a receipt that comes after a month is still a receipt, and one request a day harms
	// nobody.
	receiptRest = 24 * time.Hour
)

// archivist brings receipts, documents and results to the archive.
type archivist struct {
	*core
	archiving     *archiveUse
	documents     *documents
	receipts      *bulkhead // receipt tasks that use the archive
	receiptMemory memory
	tidied        tidied
	hangs         bundleHangs
}

// receipt archives a settled package. The archive gets the session's UPO, and the document and
// result of each invoice. An invoice becomes receipted, and its document leaves Redis, only when
// its UPO, document and result are durable. A full disk or an unreachable bucket makes receipts
// wait; nothing else depends on them.
//
// KSeF may give no UPO for an invoice. For example, the session may have ended in an error after
// the invoice was accepted, or the session of a duplicate's original may still be under way or
// unknown. Such an invoice stays accepted, and its entry has the reason. Its document and result
// are archived all the same, and the receipt is requested again with growing pauses.
func (ar *archivist) receipt(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageSettled && p.State != ledger.PackageProcessing {
		return nil
	}
	if err := ar.archiving.archiveWell(); err != nil {
		return err
	}
	if !ar.receipts.begin(p.Tenant) {
		return later(ar.receipts.comeBack(ar.o.Now()), retry.ReasonLimit,
			"this worker already writes the maximum number of packages to the archive")
	}
	defer ar.receipts.end(p.Tenant)
	if err := ar.bind(ctx, p); err != nil {
		return err
	}
	held, err := ar.Ledger.Held(ctx, p.ID)
	unread, err := ar.skip(ctx, err)
	if err != nil {
		return err
	}
	if p.State == ledger.PackageProcessing {
		return ar.receiptEarly(ctx, p, held, unread)
	}
	upos, err := ar.attestations(ctx, p, held)
	if err != nil {
		return notYet(err)
	}
	since := p.SettledAt
	if since == 0 {
		since = p.UpdatedAt // an entry of an older build
	}
	age := ar.o.Now().Sub(since.Time())
	upos.overdue = age > maxReceiptWait || p.Code != ksef.SessionProcessed // only a processed session has a UPO
	again := later(retry.PollPause(age, ar.o.ConfirmFirst, receiptRest), retry.ReasonProcessing,
		missingReceipts(len(upos.missing)))
	if upos.missing[p.Session] != "" && !upos.overdue {
		return again
	}
	if upos.overdue {
		if err := ar.keepParts(ctx, upos); err != nil {
			return err
		}
	}
	todo := held
	if p.Filed {
		todo = upos.news(held)
	}
	var stuck error
	for len(todo) > 0 {
		some := ar.archivePiece(todo)
		left, err := ar.archiveSome(ctx, some, upos)
		if err != nil {
			return err
		}
		if stuck == nil {
			stuck = left
		}
		clear(some) // so that the garbage collector can free their strings
		todo = todo[len(some):]
	}
	if stuck != nil {
		return stillToArchive(stuck, age)
	}
	if len(unread) > 0 { // it is not known whether a newer worker has receipted them
		return unreadLater(max(retry.PollPause(age, ar.o.ConfirmFirst, receiptRest), settlement.UnreadPause), len(unread))
	}
	if len(upos.missing) == 0 {
		edit := ledger.PackageEdit{}.UPO(upos.bySession[p.Session].url)
		if why := upos.bySession[p.Session].damage; why != "" {
			edit = edit.Reason(join(p.Reason, why))
		}
		return ar.movePackage(ctx, p, ledger.PackageMove{To: ledger.PackageReceipted, Edit: edit})
	}
	if !p.Filed {
		if err := ar.movePackage(ctx, p, ledger.PackageMove{Edit: ledger.PackageEdit{}.Filed(true)}); err != nil {
			return err
		}
	}
	return again
}

// receiptEarly archives the decided invoices of a package that stays open because an entry cannot
// be read. The package's session is over, so its receipt may be there. The state of the package
// stays as it is.
func (ar *archivist) receiptEarly(ctx context.Context, p *ledger.Package, held []ledger.Invoice, unread []ledger.Unreadable) error {
	open := slices.ContainsFunc(held, func(inv ledger.Invoice) bool { return !inv.State.Final() })
	if len(unread) == 0 || open || p.Filed {
		return nil
	}
	todo := slices.DeleteFunc(held, func(inv ledger.Invoice) bool { return inv.State == ledger.Receipted })
	upos, err := ar.attestations(ctx, p, todo)
	if err != nil {
		return notYet(err)
	}
	for len(todo) > 0 {
		some := ar.archivePiece(todo)
		left, err := ar.archiveSome(ctx, some, upos)
		if err := cmp.Or(err, left); err != nil {
			return err
		}
		todo = todo[len(some):]
	}
	if len(upos.missing) > 0 {
		return later(settlement.UnreadPause, retry.ReasonProcessing,
			missingReceipts(len(upos.missing)))
	}
	return ar.movePackage(ctx, p, ledger.PackageMove{Edit: ledger.PackageEdit{}.Filed(true)})
}

func missingReceipts(n int) string {
	return plural.Of(n, "receipt is", "receipts are") + " not there yet"
}
