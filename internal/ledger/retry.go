package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/invoice"
)

// MayRetry reports whether the identity and the ref of an invoice are free for [Ledger.Retry]. They
// are free if no other document with one of them is alive, accepted or unreadable. MayRetry only
// reads, and does not check the state of the invoice itself.
func (ds *DecisionStore) MayRetry(ctx context.Context, inv *Invoice) (bool, error) {
	newest, err := ds.readIdentities(ctx, []string{Identity{inv.NIP, inv.Kind, inv.Number}.digest()})
	if err != nil {
		return false, fmt.Errorf("read the newest document of %s: %w", inv.ID, err)
	}
	if newest.sick(0) {
		return false, nil // another document may be alive
	}
	named, err := ds.entries.ByRef(ctx, inv.Ref, inv.Tenant)
	if sick, rest := Skip(err); rest != nil {
		return false, rest
	} else if len(sick) > 0 {
		return false, nil // another document may have the ref
	}
	for _, id := range append(named, newest.id(0)) {
		if id == "" || id == inv.ID {
			continue
		}
		if free, err := ds.mayReplace(ctx, id); err != nil || !free {
			return false, err
		}
	}
	return true, nil
}

// mayReplace reports whether an invoice is gone or has ended, so that another document may have its
// place.
func (ds *DecisionStore) mayReplace(ctx context.Context, id string) (bool, error) {
	other, err := ds.entries.Invoice(ctx, id)
	if unread, rest := Skip(err); len(unread) > 0 {
		return false, nil // it may be alive
	} else if errors.Is(rest, ErrNotFound) {
		return true, nil
	} else if rest != nil {
		return false, rest
	}
	return other.State.Ended(), nil
}

// Retry queues a rejected, parked or superseded invoice again, because a person decided so. It
// returns a [*ConflictError] if the invoice is not as it was read, or if another document with the
// same identity or ref is alive or accepted.
func (ds *DecisionStore) Retry(ctx context.Context, inv *Invoice) error {
	return ds.invoices.Move(ctx, Move{
		ID: inv.ID, Rev: inv.Rev, From: []State{Rejected, Parked, Superseded}, To: Queued, newest: true,
		Edit: fromTheStart(inv),
	})
}

// fromTheStart returns the fields of an invoice that begins its path again.
func fromTheStart(inv *Invoice) Edit {
	return Edit{
		{"code", 0}, {"reason", ""}, {"resends", 0}, {"failed_sessions", 0}, {"package", ""}, {"session", ""}, {"reference", ""},
		{"left_session", inv.Session},
		{"orig_number", ""}, {"orig_session", ""}, {"orig_by", ""}, {"lane", Auto}, {"chosen", false},
	}
}

// TakeBack queues a dismissed invoice again, because a person decided that the dismissal was a
// mistake. It returns a [*ConflictError] if the invoice is not as it was read, or if another
// document with the same identity or ref is alive or accepted. The entry keeps a note that the
// invoice was dismissed, and who took the dismissal back.
func (ds *DecisionStore) TakeBack(ctx context.Context, inv *Invoice, by string) error {
	now, err := ds.Clock(ctx)
	if err != nil {
		return err
	}
	// The note leaves out the person's reason, because a reason can name a customer.
	dismissed, _, _ := strings.Cut(inv.Reason, ": ")
	if !strings.HasPrefix(dismissed, "dismissed ") { // an older build wrote the reason, or it cannot be read here
		dismissed = "dismissed"
	}
	note := fmt.Sprintf("%s, taken back %s by %s", dismissed, now.In(invoice.Warsaw()).Format(time.RFC3339), by)
	return ds.invoices.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Dismissed}, To: Queued, newest: true,
		Edit: fromTheStart(inv).with("taken_back", note)})
}
