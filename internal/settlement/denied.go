package settlement

import (
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// KSeF answers 410 for each invoice that the sender may not issue. That concerns the invoice when
// others of the tenant go through, and the tenant when none does: its key belongs to another
// taxpayer, or has lost its permission. Then the tenant is paused and its invoices stay queued: to
// park them one by one would leave hundreds to a person who finds nothing wrong with them.
//
// An invoice that the tenant issues for another seller needs a permission of that seller. Its 410
// says nothing of the tenant's key, so it is not counted, and pauses nobody.

const (
	// deniedFirst and deniedMax bound the tenant's pause. It ends by itself: what is sent next
	// shows whether the key is right by now. Every five minutes a session leaves 48 of the hour's
	// 60.
	deniedFirst = 30 * time.Second
	deniedMax   = 5 * time.Minute
	// deniedFew invoices prove nothing against a tenant that had one accepted within a day.
	deniedFew   = 3
	successDays = 24 * time.Hour
)

// deniedPause is the pause after the n-th session in a row that KSeF let nothing of in, from 0.
func deniedPause(n int) time.Duration { return min(deniedFirst<<min(n, 10), deniedMax) }

// speakOfTenant reports that 410s are about the tenant and not about the invoices. denials are
// those since anything of the tenant was let in, this session's included; opened is when it was
// opened.
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
	if SubjectOf(inv) == ksef.Subject2 {
		return fmt.Sprintf("put the right key into its key_file, "+
			"or ask seller NIP %s for the permission to issue its invoices (SelfInvoicing)", inv.NIP)
	}
	return "put the right key into its key_file"
}

// inOwnName counts the denials of invoices that the tenant issues as their seller.
func inOwnName(denials []pairing) int {
	n := 0
	for _, d := range denials {
		if SubjectOf(d.inv) == ksef.Subject1 {
			n++
		}
	}
	return n
}

// denied decides about the 410s of a session. nil is nothing to count.
func (o *outcomes) denied(tenant ledger.Tenant, now time.Time) *Denial {
	if len(o.denials) == 0 {
		return nil
	}
	own := inOwnName(o.denials)
	if own == 0 { // it is the sellers who have not granted their permission
		for _, d := range o.denials {
			o.park(d.inv, d.info.Status.Code, parkReason(d.inv, d.info.Status))
		}
		return nil
	}
	denial := &Denial{Answers: own}
	tenantIsDenied := !o.letIn && speakOfTenant(own+tenant.Denied, tenant, o.pkg.OpenedAt.Time(), now)
	var parked []pairing
	for _, d := range o.denials {
		// One that was denied before others went through: it is the invoice after all.
		if !tenantIsDenied || d.inv.Denied != 0 && tenant.AcceptedAt > d.inv.Denied {
			parked = append(parked, d)
			continue
		}
		denial.Waiting++
		since := d.inv.Denied
		if since == 0 {
			since = ledger.At(now)
		}
		o.moves = append(o.moves, again(d.inv, d.inv.Lane, Denied, int64(since), ksef.InvoicePermissionScope,
			explain(d.info.Status)+"; KSeF lets nothing of this tenant in, so the tenant is paused: "+deniedHelp(d.inv), ProvenByAnswer))
	}
	if denial.Waiting > 0 {
		denial.Pause = deniedPause(tenant.Denials)
	}
	for _, d := range parked {
		o.park(d.inv, d.info.Status.Code, parkReason(d.inv, d.info.Status))
	}
	return denial
}
