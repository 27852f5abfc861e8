package page

import (
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// delivery is one result that a receiver has not taken.
type delivery struct {
	ledger.Outcome
	Number   string // of the invoice or the refused document; "" when it is not known
	Tenant   string
	Refused  bool // the result is about a document that was not taken in
	First    time.Time
	Attempts int
	Error    string
	Next     time.Time
	Behind   int // later results of the same invoice, which wait for it

	left *standingOf // the receiver that was not told yet; nil in the lists of held and failed results
}

// delivered are results of one list that the visitor sees.
type delivered struct {
	Rows []delivery
	More bool // there may be more
}

const (
	// One list reads up to about deliveryScan results, deliveryChunk of them at a time.
	// deliveryTime bounds the time for all lists of one receiver.
	deliveryScan  = 5000
	deliveryChunk = 500
	deliveryTime  = 250 * time.Millisecond
)

// wanted reports whether the visitor may see the results of a tenant and asks for them. The
// parameter "of" is the name of that tenant. tenant is the tenant that the visitor asks for, or ""
// for all.
func (v *deliveries) wanted(of, tenant string) bool {
	return v.sees(of) && (tenant == "" || tenant == of)
}

// list adds the results in the parameter "some" to d, until d has limit rows. It leaves out results
// that the visitor may not see or does not ask for, and those for which [delivery.told] is true.
func (v *deliveries) list(d *delivered, some []delivery, tenant string, limit int) error {
	outcomes := make([]ledger.Outcome, len(some))
	for i := range some {
		outcomes[i] = some[i].Outcome
	}
	told, err := v.p.o.Outbox.Told(v.ctx(), outcomes)
	if err != nil {
		return err
	}
	for i, t := range told {
		row := some[i]
		row.Tenant, row.Refused = t.Tenant, t.Refusal()
		switch {
		case t.Invoice != nil:
			row.Number, row.Tenant = t.Invoice.Number, t.Invoice.Tenant
		case t.OfRefusal != nil:
			row.Number, row.Tenant = t.OfRefusal.Number, t.OfRefusal.Tenant
		}
		if !v.wanted(row.Tenant, tenant) || row.told() {
			continue
		}
		if len(d.Rows) == limit {
			d.More = true
			return nil
		}
		d.Rows = append(d.Rows, row)
	}
	return nil
}

// each reads a list piece by piece until it has enough rows, or has read as much as it may. next
// returns a piece, or nil at the end.
func (v *deliveries) each(tenant string, limit int, until time.Time, next func() ([]delivery, error)) (delivered, error) {
	var d delivered
	for read := 0; ; {
		some, err := next()
		if err != nil || some == nil {
			return d, err
		}
		if err := v.list(&d, some, tenant, limit); err != nil || d.More {
			return d, err
		}
		if read += len(some); read >= deliveryScan || !time.Now().Before(until) {
			d.More = true
			return d, nil
		}
	}
}

// waiting lists results that a receiver was not told yet. They are in the outbox after the
// receiver's cursor. A tenant that is left behind has a cursor of its own, so reading begins at the
// earliest of these cursors.
func (v *deliveries) waiting(s *standingOf, tenant string, limit int, until time.Time) (delivered, error) {
	at := s.cursor
	for _, name := range ledger.NotTold(s.own) {
		if own := s.own[name].Cursor; own != "" && v.wanted(name, tenant) && ledger.AfterOutcome(at, own) {
			at = own
		}
	}
	d, err := v.each(tenant, limit, until, func() ([]delivery, error) {
		some, err := v.p.o.Outbox.Outcomes(v.ctx(), at, deliveryChunk)
		if err != nil || len(some) == 0 {
			return nil, err
		}
		at = some[len(some)-1].At
		out := make([]delivery, len(some))
		for i := range some {
			out[i] = delivery{Outcome: some[i], First: some[i].Time(), left: s}
		}
		return out, nil
	})
	return d, err
}

// told reports whether the receiver d.left was told of the result already, or does not get it. When
// d.left is nil, told returns false.
func (d *delivery) told() bool {
	if d.left == nil {
		return false
	}
	if tenants := d.left.Receiver.Tenants; tenants != nil && !slices.Contains(tenants, d.Tenant) {
		return true
	}
	place := d.left.cursor
	if own := d.left.own[d.Tenant]; own != nil && own.Blocked() {
		place = own.Cursor
	}
	return !ledger.AfterOutcome(d.At, place)
}

// held lists results that a receiver did not take and that are tried again. The result that is
// tried soonest comes first.
func (v *deliveries) held(receiver, tenant string, limit int, until time.Time) (delivered, error) {
	at := 0
	return v.each(tenant, limit, until, func() ([]delivery, error) {
		some, err := v.p.o.Outbox.HeldBack(v.ctx(), receiver, at, deliveryChunk)
		if err != nil || len(some) == 0 {
			return nil, err
		}
		at += len(some)
		out := make([]delivery, len(some))
		for i, h := range some {
			out[i] = delivery{Outcome: h.Held.Outcome, First: h.Held.First.Time(), Attempts: h.Held.Attempts,
				Error: v.words.errorOf(h.Held.Err), Next: h.Next, Behind: h.Waiting}
		}
		return out, nil
	})
}

// failed lists results that a receiver did not take and that were given up, the newest first.
func (v *deliveries) failed(receiver, tenant string, limit int, until time.Time) (delivered, error) {
	at, more := 0, true
	return v.each(tenant, limit, until, func() ([]delivery, error) {
		if !more {
			return nil, nil
		}
		some, behind, err := v.p.o.Outbox.NewestFailed(v.ctx(), receiver, at, deliveryChunk)
		if err != nil {
			return nil, err
		}
		at, more = at+deliveryChunk, behind
		out := make([]delivery, len(some))
		for i, h := range some {
			out[i] = delivery{Outcome: h.Outcome, First: h.Time(), Attempts: h.Attempts, Error: v.words.errorOf(h.Err)}
		}
		return out, nil
	})
}
