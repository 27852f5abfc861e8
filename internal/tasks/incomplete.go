package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// completeWithin is how long after close was first tried KSeF may not have noticed yet that all
// parts of a package are there.
const completeWithin = time.Minute

// neverComplete reports whether KSeF refuses to close a session because parts of its package are
// missing, and will for ever: the gateway closes such a session and it ends in an error, but KSeF's
// own API leaves it open until it is cancelled, twelve hours later.
//
// Whoever had the session's key wrote closing only after all parts had been taken. So when parts
// are missing after that, nobody is past that point, not even a worker that Redis has forgotten:
// the ledger keeps everybody from closing who comes to it later, and the parts cannot be made
// again.
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

// giveUpIncomplete treats the session as what the gateway makes of it: refused because its parts
// are not those that were declared. Its invoices go in a new session. The package says so with its
// first write, because a worker may die before the second: a package that is processing since KSeF
// took its close is never given up.
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
