package ledger

import (
	"context"
	"fmt"
	"time"
)

// Tenant is what the pool has lately seen of one taxpayer at KSeF. The zero value is a tenant of which
// nothing is known.
type Tenant struct {
	ThroughAt  Millis `redis:"through_at"`  // close of the latest closed batch session that KSeF processed
	AcceptedAt Millis `redis:"accepted_at"` // when an answer last showed that KSeF lets the tenant in
	Denials    int    `redis:"denials"`     // pauses in a row because KSeF let nothing of the tenant in (410)
	Denied     int    `redis:"denied"`      // invoices that were answered 410 since one was let in
	Refusals   int    `redis:"refusals"`    // batch sessions refused as a whole since one was processed
	RefusedAt  Millis `redis:"refused_at"`  // when the last of them was, or its next try began
	DeniedTill Millis `redis:"denied_till"` // end of the pause that the last of them began
}

// Tenant reads what is known of a tenant.
func (l *Ledger) Tenant(ctx context.Context, tenant string) (Tenant, error) {
	var t Tenant
	if err := l.rdb.HGetAll(ctx, l.key(keyTenant, tenant)).Scan(&t); err != nil {
		return Tenant{}, fmt.Errorf("read tenant %s: %w", tenant, err)
	}
	return t, nil
}

// NoteThrough remembers that KSeF processed a batch session that was closed at the given time.
func (l *Ledger) NoteThrough(ctx context.Context, tenant string, closed Millis) error {
	return l.noteTenant(ctx, tenant, "through", closed, 0)
}

// NoteAccepted remembers that KSeF lets the tenant in, which ends its denials.
func (l *Ledger) NoteAccepted(ctx context.Context, tenant string, at time.Time) error {
	return l.noteTenant(ctx, tenant, "accepted", At(at), 0)
}

// NoteDenied remembers a session that KSeF let nothing of in, and until when the tenant rests for it.
func (l *Ledger) NoteDenied(ctx context.Context, tenant string, till time.Time) error {
	return l.noteTenant(ctx, tenant, "denied", At(till), 0)
}

// NoteAnswered410 remembers that so many invoices were answered 410.
func (l *Ledger) NoteAnswered410(ctx context.Context, tenant string, n int) error {
	return l.noteTenant(ctx, tenant, "answered", 0, n)
}

// NoteRefused remembers that KSeF refused a batch session as a whole.
func (l *Ledger) NoteRefused(ctx context.Context, tenant string, at time.Time) error {
	return l.noteTenant(ctx, tenant, "refused", At(at), 0)
}

// TryRefused asks for the one try that a tenant has whose sessions are refused: true when the last
// refusal, or try, is as old as pause.
func (l *Ledger) TryRefused(ctx context.Context, tenant string, at time.Time, pause time.Duration) (bool, error) {
	r, err := l.run(ctx, tenantScript, l.args(tenant, "try", int64(At(at)), pause.Milliseconds()))
	if err != nil {
		return false, fmt.Errorf("ask for a try of tenant %s: %w", tenant, err)
	}
	return number(cell(r, 0)) == 1, nil
}

func (l *Ledger) noteTenant(ctx context.Context, tenant, what string, at Millis, n int) error {
	if _, err := l.run(ctx, tenantScript, l.args(tenant, what, int64(at), n)); err != nil {
		return fmt.Errorf("note of tenant %s that it was %s: %w", tenant, what, err)
	}
	return nil
}
