package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// closesWithin is how long a session may say that it is open after KSeF took its close.
const closesWithin = 2 * time.Minute

// staysOpen reports whether it is time to close a session once more. That time comes two minutes
// after the first close, and then whenever the time since the first close has doubled. A session
// that says for hours that it is open costs the tenant about ten closes and not one for each poll.
func staysOpen(p *ledger.Package, now time.Time) bool {
	first, last := p.ClosingAt.Time(), max(p.ClosingAt, p.ClosedOver).Time()
	return now.Sub(last) >= max(closesWithin, last.Sub(first))
}

// stillOpen closes a session once more when the session says, minutes after its close, that it is
// open. KSeF took the close, or refused it because of the session's status (21180). The refusal
// usually means that the session was closed before, but only the status tells whether it was. If
// nobody closes a session, KSeF ends it twelve hours after it was opened, and its invoices wait
// until then. At its end an online session is closed, and a batch session is cancelled. One close
// too many is harmless, because KSeF refuses it.
func (c *confirmer) stillOpen(ctx context.Context, run *confirmation) error {
	p := run.p
	c.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).
		Msg("the session says that it is open although it was closed: it is closed once more")
	if err := run.edit(ctx, ledger.PackageEdit{}.ClosedOver(ledger.At(c.o.Now()))); err != nil {
		return err
	}
	err := run.t.CloseSession(ctx, p.Session, p.Lane == ledger.Bulk)
	if _, kind := kindOf(err); err != nil && kind != ksef.KindRefused {
		return notYet(err)
	}
	return c.polls.pollLater(p, "session says open although it was closed, and was closed once more")
}
