package ledger

import (
	"context"
	"errors"
	"fmt"
)

// PackageStore makes packages, moves them and their invoices, and lists what is on its way.
type PackageStore struct {
	*store
	home        *HomeStore
	replication *Replication
}

// OpenOnline records an online session that p.Owner has just opened. If the process dies before it
// has made this record, an empty session is left behind, which expires by itself.
func (ps *PackageStore) OpenOnline(ctx context.Context, p Package) (Package, error) {
	p.V, p.State, p.Lane, p.Rev = Version, PackageOpened, Express, 1
	fields := []any{
		"v", Version, "id", p.ID, "lane", string(Express), "tenant", p.Tenant, "form", p.Form, "offline", p.Offline,
		"session", p.Session, "owner", p.Owner,
	}
	args := ps.args("", p.ID, len(fields))
	r, err := ps.home.atHome(ctx, ps.run, openScript, append(args, fields...))
	if err != nil {
		return p, fmt.Errorf("record session %s: %w", p.Session, err)
	}
	p.OpenedAt = Millis(number(cell(r, 1)))
	return p, nil
}

// BeginSend writes [Sending] and the session's id for a queued invoice, before it is posted. It
// returns the invoice's new revision and its ordinal in the session. It returns a [*ConflictError]
// if the package is no longer open or has another owner, because then a worker may close the
// session at any moment. BeginSend also returns a [*ConflictError] if the invoice is not as it was
// read, or if a person queued it again after it was in this session. With a [*ReplicaError] the
// write was made, but the invoice MUST NOT be posted.
func (ps *PackageStore) BeginSend(ctx context.Context, pkg, owner string, inv *Invoice) (rev int64, ordinal int, err error) {
	r, err := ps.home.atHome(ctx, ps.replication.fenced, sendScript, ps.args("", pkg, owner, inv.ID, inv.Rev))
	lag, lagging := errors.AsType[*ReplicaError](err)
	if err != nil && !lagging {
		return 0, 0, fmt.Errorf("begin to send %s: %w", inv.ID, err)
	}
	if len(r) == 2 {
		if lagging {
			return number(r[0]), int(number(r[1])), fmt.Errorf("begin to send %s: %w", inv.ID, lag)
		}
		return number(r[0]), int(number(r[1])), nil
	}
	c := &ConflictError{
		ID: inv.ID, To: string(Sending), State: text(cell(r, 2)), Rev: number(cell(r, 3)),
		Expected: fmt.Sprintf("queued at revision %d", inv.Rev),
	}
	switch text(cell(r, 1)) {
	case "package":
		c.ID, c.Expected = pkg, "opened by "+owner
		if c.State == "" {
			c.State = "gone"
		}
	case "session":
		c.ID, c.Expected = pkg, "a session that "+inv.ID+" has not been in"
	}
	return 0, 0, c
}

// packageConflict returns the error for a script that found the package not as it was read.
func packageConflict(p *Package, to string, answer []any, expected string) error {
	expected = fmt.Sprintf("%s at revision %d", expected, p.Rev)
	if text(cell(answer, 3)) == "over" {
		expected += ", and Redis has restarted or failed over since, so earlier writes may be lost"
	}
	return &ConflictError{
		ID: p.ID, To: to, State: text(cell(answer, 1)), Rev: number(cell(answer, 2)), Expected: expected,
	}
}
