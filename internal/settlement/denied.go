package settlement

import (
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// KSeF answers 410 for each invoice that the sender may not issue. If other invoices of the tenant
// go through, the cause is the invoice. If none does, the cause is the tenant: its key belongs to
// another taxpayer or has lost its permission. Then the tenant is paused and its invoices stay
// queued. Parking them one by one would leave hundreds of faultless invoices to a person.
//
// An invoice that the tenant issues for another seller needs a permission of that seller. Its 410
// says less, because the seller may be at fault. Such an invoice is parked when others go through,
// and also when it is alone. Some tenants issue invoices only for other sellers. By this rule
// alone, they would never be paused, even with the key of another taxpayer. So several such
// invoices count against the tenant when nothing speaks for it.

const (
	// deniedFirst and deniedMax bound the tenant's pause. The pause ends by itself, and then the
	// next session shows whether the key is right by now. One session every five minutes leaves 48
	// of the 60 sessions of an hour.
	deniedFirst = 30 * time.Second
	deniedMax   = 5 * time.Minute
	// deniedFew is how many denied invoices speak against a tenant. If KSeF has accepted no invoice
	// of the tenant within successDays, fewer invoices in the tenant's own name are enough. Fewer
	// invoices for other sellers are never enough. If KSeF has accepted an invoice within
	// successDays, the invoices for other sellers must also be of deniedFew different sellers.
	deniedFew   = 3
	successDays = 24 * time.Hour
)

// deniedPause returns the pause after the n-th session in a row in which KSeF let nothing in. n
// counts from 0.
func deniedPause(n int) time.Duration { return min(deniedFirst<<min(n, 10), deniedMax) }

// speakOfTenant reports whether 410s are about the tenant and not about the invoices. denials
// counts the 410s about invoices in the tenant's own name since KSeF last let in an invoice of the
// tenant. This count includes the 410s of this session. opened is when the session was opened.
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

// sellersSpeakOfTenant reports the same as speakOfTenant, for a session in which every denied
// invoice is for another seller. denials counts the 410s about invoices for other sellers since
// KSeF last let in an invoice of the tenant. sellers is the number of sellers of the denied
// invoices of this session. One wrong key is more likely than several sellers who withhold their
// permission at the same time.
func sellersSpeakOfTenant(denials, sellers int, tenant ledger.Tenant, opened, now time.Time) bool {
	last := tenant.AcceptedAt.Time()
	lately := !last.IsZero() && now.Sub(last) < successDays
	return denials >= deniedFew && (!lately || sellers >= deniedFew) && (last.IsZero() || last.Before(opened))
}

// deniedHelp says what to do when KSeF lets nothing of a tenant in.
func deniedHelp(inv *ledger.Invoice) string {
	switch SubjectOf(inv) {
	case ksef.Subject2:
		return fmt.Sprintf("put the right key into its key_file, "+
			"or ask seller NIP %s for the permission to issue its invoices (SelfInvoicing)", inv.NIP)
	case ksef.SubjectAuthorized:
		return fmt.Sprintf("put the right key into its key_file, "+
			"or ask seller NIP %s for the permission to issue its invoices as its PodmiotUpowazniony", inv.NIP)
	}
	return "put the right key into its key_file"
}

// whose counts the denied invoices that the tenant issues as the seller, and the sellers of the
// other denied invoices.
func whose(denials []pairing) (own, sellers int) {
	others := map[string]bool{}
	for _, d := range denials {
		if SubjectOf(d.inv) == ksef.Subject1 {
			own++
		} else {
			others[d.inv.NIP] = true
		}
	}
	return own, len(others)
}

// denied decides about the 410s of a session. It returns nil when the session has none.
func (o *outcomes) denied(tenant ledger.Tenant, now time.Time) *Denial {
	if len(o.denials) == 0 {
		return nil
	}
	own, sellers := whose(o.denials)
	denial := &Denial{Own: own, ForOthers: len(o.denials) - own}
	opened := o.pkg.OpenedAt.Time()
	tenantIsDenied := !o.letIn
	if own > 0 {
		tenantIsDenied = tenantIsDenied && speakOfTenant(own+tenant.Denied, tenant, opened, now)
	} else {
		tenantIsDenied = tenantIsDenied && sellersSpeakOfTenant(denial.ForOthers+tenant.DeniedForOthers, sellers, tenant, opened, now)
	}
	var parked []pairing
	for _, d := range o.denials {
		// An invoice that was denied both before and after others went through is at fault itself.
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
