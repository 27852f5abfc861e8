package tasks

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// KSeF answers 410 for each invoice that the sender may not issue. That concerns the invoice when
// others of the tenant go through (self-billing in the seller's context), and the tenant when none
// does: its key belongs to another taxpayer, or has lost its permission. Then the tenant is paused
// and its invoices stay queued: to park them one by one would leave hundreds to a person who finds
// nothing wrong with them.

const (
	// deniedFirst and deniedMax bound the tenant's pause. It ends by itself: what is sent next shows
	// whether the key is right by now. Every five minutes a session leaves 48 of the hour's 60.
	deniedFirst = 30 * time.Second
	deniedMax   = 5 * time.Minute
	// deniedFew invoices prove nothing against a tenant that had one accepted within a day.
	deniedFew   = 3
	successDays = 24 * time.Hour
)

// deniedPause is the pause after the n-th session in a row that KSeF let nothing of in, from 0.
func deniedPause(n int) time.Duration { return min(deniedFirst<<min(n, 10), deniedMax) }

// speakOfTenant reports that 410s are about the tenant and not about the invoices. denials are those
// since anything of the tenant was let in, this session's included; opened is when it was opened. Pure.
func speakOfTenant(denials int, tenant ledger.Tenant, opened, now time.Time) bool {
	last := tenant.AcceptedAt.Time()
	switch {
	case last.IsZero():
		return true
	case !last.Before(opened):
		return false
	}
	return denials >= deniedFew || now.Sub(last) >= successDays
}

// deniedHelp is what to do about a tenant of which KSeF lets nothing in.
func deniedHelp(inv *ledger.Invoice) string {
	if subjectOf(inv) == ksef.Subject2 {
		return fmt.Sprintf("put the right key into its key_file, or ask seller NIP %s for the permission to issue its invoices (SelfInvoicing)", inv.NIP)
	}
	return "put the right key into its key_file"
}

// inOthersNames reports that all are issued in somebody else's name. Then it is the sellers who have
// not granted the permission, and nothing is wrong with a tenant of which KSeF took anything before.
func inOthersNames(denials []pairing) bool {
	for _, d := range denials {
		if subjectOf(d.inv) == ksef.Subject1 {
			return false
		}
	}
	return true
}

// denied decides about the 410s of a session.
func (w *Worker) denied(ctx context.Context, b *batch) error {
	if len(b.denials) == 0 {
		return nil
	}
	tenant, err := w.Ledger.Tenant(ctx, b.p.Tenant)
	if err != nil {
		return err
	}
	if inOthersNames(b.denials) && !tenant.AcceptedAt.Time().IsZero() {
		for _, d := range b.denials {
			b.park(d.inv, d.info.Status.Code, parkReason(d.inv, d.info.Status))
		}
		return nil
	}
	if err := w.Ledger.NoteAnswered410(ctx, b.p.Tenant, len(b.denials)); err != nil {
		return err
	}
	now := w.o.Now()
	var waiting []pairing
	if !b.succeeded && speakOfTenant(len(b.denials)+tenant.Denied, tenant, b.p.OpenedAt.Time(), now) {
		for _, d := range b.denials {
			// Since it was denied first others went through: it is the invoice after all.
			if d.inv.Denied == 0 || tenant.AcceptedAt <= d.inv.Denied {
				waiting = append(waiting, d)
			}
		}
	}
	if len(waiting) > 0 {
		pause := deniedPause(tenant.Denials)
		if err := w.Budget.Pause(ctx, b.p.Tenant, pause); err != nil {
			return err
		}
		if err := w.Ledger.NoteDenied(ctx, b.p.Tenant, now.Add(pause)); err != nil {
			return err
		}
		w.o.Log.Error().Str("tenant", b.p.Tenant).Str("session", b.p.Session).Int("invoices", len(waiting)).Dur("for", pause).
			Msg("KSeF lets nothing of this tenant in (410): it is paused and its invoices stay queued; is the key in its key_file that of another taxpayer, or without the permission to send?")
	}
	kept := make(map[string]bool, len(waiting))
	for _, d := range waiting {
		kept[d.inv.ID] = true
		since := d.inv.Denied
		if since == 0 {
			since = ledger.At(now)
		}
		b.again(d.inv, d.inv.Lane, ledger.Set{Field: "denied", Value: since}, ksef.InvoicePermissionScope,
			explain(d.info.Status)+"; KSeF lets nothing of this tenant in, so the tenant is paused: "+deniedHelp(d.inv))
	}
	for _, d := range b.denials {
		if !kept[d.inv.ID] {
			b.park(d.inv, d.info.Status.Code, parkReason(d.inv, d.info.Status))
		}
	}
	return nil
}
