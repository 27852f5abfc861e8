package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// completeWithin is how long KSeF may take to notice that all parts of a package are there. It
// counts from the first attempt to close the session.
const completeWithin = time.Minute

// neverComplete reports whether KSeF refuses to close a session because parts of its package are
// missing, and will always refuse it. The gateway closes such a session, which then ends in an
// error. KSeF's own API leaves the session open until it is cancelled, twelve hours later.
//
// The worker with the session's key writes the state closing only after the store has taken all
// parts. If parts are missing all the same, no worker can bring them any more. The parts cannot be
// made again without the key, and the ledger lets no later worker begin a close of its own.
func (c *confirmer) neverComplete(p *ledger.Package, api *ksef.APIError) bool {
	if p.Lane != ledger.Bulk || c.o.Now().Sub(p.ClosingAt.Time()) < completeWithin {
		return false
	}
	switch api.Code {
	case ksef.CodePartMissing, ksef.CodePartSize, ksef.CodeUploadTooLate:
		return true
	}
	return false
}

// giveUpIncomplete treats the session as one that KSeF refused because its parts differ from those
// that were declared. The gateway refuses such a session itself. The invoices go in a new session.
// The first write moves the package to processing and records the refusal in the package's code. If
// this worker then dies, the next one learns of the refusal from that code. Without the code,
// processing means that KSeF has accepted the close, and the package is not given up.
func (c *confirmer) giveUpIncomplete(ctx context.Context, run *confirmation, why string) error {
	if !givenUp(run.p) {
		c.o.Log.Warn().Str("package", run.p.ID).Str("session", run.p.Session).Str("why", why).
			Msg("KSeF cannot close the session, because not all parts of its package arrived: its invoices go in another one")
		if err := c.writer.processingWith(ctx, run.p, ledger.PackageEdit{}.Code(ksef.BatchSessionPartsDiffer)); err != nil {
			return err
		}
	}
	run.listed.Session.Status = ksef.StatusInfo{Code: ksef.BatchSessionPartsDiffer, Description: why}
	return run.settle(ctx)
}

// givenUp reports whether a worker has begun to give the package's session up.
func givenUp(p *ledger.Package) bool {
	return p.State == ledger.PackageProcessing && p.Code == ksef.BatchSessionPartsDiffer
}
