package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// closesWithin is how long a session may say that it is open after KSeF took its close.
const closesWithin = 2 * time.Minute

// stillOpen is for a session that says that it is open long after KSeF took its close, or refused
// the close because of the session's status (21180), which usually means that it was closed before.
// Only the status tells whether it was. A session that nobody closes is cancelled twelve hours
// later, and its invoices wait so long. One close too many is harmless: KSeF refuses it.
func (c *confirmer) stillOpen(ctx context.Context, run *confirmation) error {
	p := run.p
	c.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).
		Msg("the session says that it is open although it was closed: it is closed once more")
	err := run.t.CloseSession(ctx, p.Session, p.Lane == ledger.Bulk)
	if _, kind := kindOf(err); err != nil && kind != ksef.KindRefused {
		return notYet(err)
	}
	return c.polls.pollLater(p, "session says open although it was closed, and was closed once more")
}
