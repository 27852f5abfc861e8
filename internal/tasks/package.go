package tasks

import (
	"context"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/pack"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// batchBuilder builds packages, opens their sessions, uploads their parts, and closes the sessions.
type batchBuilder struct {
	*core
	writer      *writer
	family      *family
	documents   *documents
	lanes       *laneChooser
	confirmer   *confirmer
	builds      *bulkhead
	buildMemory memory
	spool       spoolFault
}

// submitPackage brings one package from cut to closing in a single run. The session's key exists
// only in this process, so no later run can continue a run that was cut off. If the run that was
// cut off had opened a session, openedBefore handles the package.
func (b *batchBuilder) submitPackage(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageCut {
		// Another task has gone on with the package. This task leaves the waitlist, so that the
		// tasks behind it need not wait until its place lapses.
		b.warn(ctx, "leave the waitlist of batch sessions", b.Budget.Leave(ctx, p.Tenant, string(ksef.GroupBatchSession)))
	}
	switch p.State {
	case ledger.PackageCut:
	case ledger.PackageOpened, ledger.PackageUploaded:
		return b.openedBefore(ctx, p)
	case ledger.PackageClosing, ledger.PackageProcessing:
		return b.Queue.Put(ctx, queue.KindConfirm, p.ID, 0, queue.When{})
	case ledger.PackageAbandoned:
		return b.moveRest(ctx, p, waitingAgain(p)) // its last task may have died before all invoices had left
	default:
		return nil
	}
	if err := b.lanes.holds.mayBegin(ctx, p.Tenant); err != nil {
		return err
	}
	if err := b.spool.away(b.o.Now()); err != nil {
		return err
	}
	if done, err := b.beforeSubmit(ctx, p); done || err != nil {
		return err
	}
	t, err := b.transport(p.Tenant)
	if err != nil {
		return err
	}
	// These checks come before the work of building. They find out whether a session may be opened
	// yet, and whether the gateway and the part store are up.
	if err := b.PartStore.Ready(ctx, p.Tenant); err != nil {
		return err
	}
	toOpen, err := b.lanes.ordered(ctx, p)
	if err != nil {
		return err
	}
	if err := b.Budget.Join(toOpen, p.Tenant, string(ksef.GroupBatchSession)); err != nil {
		if b.mayGrow(p, err) {
			return b.backToWaiting(ctx, p)
		}
		return err
	}
	// The place for the build is taken before the first request, so that a tenant whose gateway
	// hangs holds only its share of the builds.
	if !b.builds.begin(p.Tenant) {
		return later(buildLater, retry.ReasonLimit, "this worker is building as many packages as it may")
	}
	defer b.builds.end(p.Tenant)
	pub, err := t.PublicKey(ctx)
	if err != nil {
		return err
	}
	if err := b.awaitRefused(ctx, p); err != nil {
		return err
	}
	key, err := ksef.NewSessionKey()
	if err != nil {
		return err
	}
	built, err := b.build(ctx, p, key)
	if err = b.spool.judge(b.o.Now(), err, &b.o.Log); err != nil || built == nil {
		return err
	}
	defer func() {
		if err := built.Remove(); err != nil {
			b.o.Log.Warn().Str("package", p.ID).Err(err).Msg("spool not removed; a later start removes it")
		}
	}()
	info, err := key.Info(pub)
	if err != nil {
		return err
	}
	withdraw, err := b.PartStore.Begin(ctx, p.Tenant)
	if err != nil {
		return err
	}
	giveBack, err := b.takeTry(ctx, p) // comes last, because a tenant that KSeF refuses has one try and then waits for up to an hour
	if err != nil {
		withdraw(context.WithoutCancel(ctx))
		return err
	}
	// The package is built, and to build it again would cost more than a wait. So it may wait
	// longer than a request usually does.
	opened, err := t.OpenBatch(ratelimit.With(toOpen, ratelimit.MaxWait(maxOpenWait)),
		batchRequest(p, info, built, b.o.packageForm(p.Tenant)))
	if err != nil {
		withdraw(context.WithoutCancel(ctx))
		if retry.Judge(err).Action != retry.Never {
			giveBack(context.WithoutCancel(ctx))
		}
		return b.openRefused(ctx, t, p, err)
	}
	now := b.o.Now()
	err = b.movePackage(ctx, p, ledger.PackageMove{To: ledger.PackageOpened,
		Edit: ledger.PackageEdit{}.Opened(opened.ID, b.o.Worker, ledger.At(now))})
	if err != nil {
		return err // another run opened a session too; this one stays empty and expires
	}
	if err := b.upload(ctx, t, p, opened, built); err != nil {
		return b.uploadFailed(ctx, p, err)
	}
	if err := b.movePackage(ctx, p, ledger.PackageMove{To: ledger.PackageUploaded}); err != nil {
		return err
	}
	return b.closeBatch(ctx, t, p)
}

func batchRequest(p *ledger.Package, info ksef.EncryptionInfo, built *pack.Package, form PackageForm) ksef.OpenBatchRequest {
	parts := make([]ksef.BatchPart, len(built.Parts))
	for i, part := range built.Parts {
		parts[i] = ksef.BatchPart{Ordinal: part.Ordinal, PartSize: part.Size, PartHash: part.Hash[:]}
	}
	return ksef.OpenBatchRequest{InvoiceVersion: ksef.InvoiceVersion(p.Form), EncryptionInfo: info, Offline: p.Offline,
		BatchInfo: ksef.BatchInfo{Compression: form.compression(), BatchSize: built.Size, BatchHash: built.Hash[:], BatchParts: parts}}
}

// openRefused handles a session that did not open. Nothing is in the session, whatever the answer.
// When only the answer was lost, the session stays empty.
func (b *batchBuilder) openRefused(ctx context.Context, t Transport, p *ledger.Package, err error) error {
	if retry.Judge(err).Action != retry.Never {
		return err
	}
	api, _ := kindOf(err)
	c := &confirmation{w: b.confirmer, t: t, p: p}
	return c.refusedToOpen(ctx, api.Code, api.Error())
}

// abandon gives up a package whose session was never closed. Its invoices wait again. An invoice
// that was parked when the package was built, for example because its document is gone, stays in
// the package.
func (b *batchBuilder) abandon(ctx context.Context, p *ledger.Package, reason string) error {
	held, err := b.Ledger.Held(ctx, p.ID)
	unread, err := b.skip(ctx, err)
	if err != nil {
		return err
	}
	end := ledger.PackageAbandoned
	stays := func(inv ledger.Invoice) bool { return inv.State != ledger.Packed }
	unreadStays := func(u ledger.Unreadable) bool { return u.State != string(ledger.Packed) } // a packed one leaves too
	if slices.ContainsFunc(held, stays) || slices.ContainsFunc(unread, unreadStays) {
		end = ledger.PackageSettled
	}
	// The package ends first. From then on nobody closes its session, so the invoices can go in
	// another session and are still sent only once. When this process dies before all invoices have
	// left, the sweep finds the rest.
	move := waitingAgain(p)
	move.To, move.Edit = end, ledger.PackageEdit{}.Reason(reason)
	err = b.movePackage(ctx, p, move)
	if err != nil || end != ledger.PackageSettled {
		return err
	}
	return b.Queue.Put(ctx, queue.KindReceipt, p.ID, 0, queue.When{})
}

// closeBatch writes that close is about to be called, then calls it. From here on the package is
// never abandoned. Whatever the answer, confirm asks what the session contains.
func (b *batchBuilder) closeBatch(ctx context.Context, t Transport, p *ledger.Package) error {
	if err := b.writer.writeClosing(ctx, p, nil); err != nil {
		if later, lagging := b.lags(ctx, err); lagging {
			return later // confirm finds the session open, and closes it when the replicas have caught up
		}
		return err
	}
	if err := t.CloseSession(ctx, p.Session, true); err != nil {
		b.o.Log.Warn().Str("package", p.ID).Err(err).Msg("close not confirmed: confirm will ask KSeF for the session's status")
	} else if err := b.writer.processing(ctx, p); err != nil {
		return err
	}
	return b.confirmFirst(context.WithoutCancel(ctx), p.ID, false)
}

// processing writes that the session is closed. The invoices of a batch count as sent from then on.
// In an online session each send has an outcome of its own. There, an invoice whose answer was lost
// keeps its state until the session's status shows the outcome.
func (w *writer) processing(ctx context.Context, p *ledger.Package) error {
	return w.processingWith(ctx, p, ledger.PackageEdit{})
}

func (w *writer) processingWith(ctx context.Context, p *ledger.Package, edit ledger.PackageEdit) error {
	move := ledger.PackageMove{To: ledger.PackageProcessing, Edit: edit}
	if p.Lane == ledger.Bulk {
		move.InvoicesFrom, move.InvoicesTo = []ledger.State{ledger.Sending, ledger.Unknown}, ledger.Sent
	}
	err := w.movePackage(ctx, p, move)
	if err == nil && p.Lane == ledger.Bulk {
		w.reached(queue.KindPackage, ledger.Sent, p.Count)
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
