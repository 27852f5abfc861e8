package tasks

import (
	"cmp"
	"context"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// ask fetches one fact that a decision needs. An error ends the run. A failure that still leaves
// something to decide is returned in the fact and not as an error.
func (c *confirmation) ask(ctx context.Context, q settlement.Ask) (err error) {
	l := &c.listed
	switch q.For {
	case settlement.TheList:
		l.List, err = c.askList(ctx)
	case settlement.TheHeld:
		c.held, err = c.w.readHeld(ctx, c.p)
	case settlement.TheSends:
		l.Statuses = c.askSends(ctx, q.Sends)
	case settlement.TheReceipt:
		l.Receipt = c.askReceipt(ctx)
	case settlement.TheTenant:
		var tenant ledger.Tenant
		tenant, err = c.w.Ledger.Tenant(ctx, c.p.Tenant)
		l.Tenant = &tenant
	case settlement.TheThrough:
		var through bool
		through, err = c.w.family.othersGoThrough(ctx, c.p)
		l.Through = &through
	case settlement.TheRest:
		l.Rest = &settlement.Rest{}
		l.Rest.Package, _, err = c.w.family.relative(ctx, c.p.Rest)
	}
	return err
}

// askList reads the list of a session that is over. KSeF may refuse the list, or answer in a form
// that is not known here, and it may do so for ever. In that case there is no list, and only the
// session's receipt can tell what became of the invoices.
func (c *confirmation) askList(ctx context.Context) (settlement.List, error) {
	infos, err := c.t.SessionInvoices(ctx, c.p.Session)
	if _, kind := kindOf(err); kind == ksef.KindRefused || kind == ksef.KindUnreadable {
		c.w.o.Log.Warn().Str("package", c.p.ID).Str("session", c.p.Session).Err(err).
			Msg("the list of a session cannot be fetched: its receipt is used instead")
		return settlement.List{Asked: true}, nil
	}
	if err != nil {
		return settlement.List{}, notYet(err)
	}
	if infos == nil {
		infos = []ksef.InvoiceInfo{}
	}
	n, field := 0, ""
	for _, info := range infos {
		if info.Unreadable != "" {
			n, field = n+1, cmp.Or(field, info.Unreadable)
		}
	}
	if n > 0 {
		c.w.o.Log.Warn().Str("package", c.p.ID).Str("session", c.p.Session).Int("answers", n).Str("field", field).
			Msg("answers about single invoices cannot be read: the session's receipt decides about those, the others go on")
	}
	return settlement.List{Asked: true, Invoices: infos}, nil
}

// askSends asks for the status of each invoice that was sent and that the list leaves open. It asks
// even if the list seems to prove the outcome, because KSeF's answer about a reference is about
// this very invoice. An invoice stays open when KSeF refuses an answer about it, when the answer is
// unreadable, or when KSeF cannot be asked now. The result's Sick is the first error that kept
// askSends from asking. When the next request would meet that error too, askSends stops.
func (c *confirmation) askSends(ctx context.Context, sends []*ledger.Invoice) settlement.Statuses {
	s := settlement.Statuses{Asked: true, By: make(map[string]ksef.InvoiceInfo, len(sends)), Unread: map[string]bool{}}
	for _, inv := range sends {
		info, err := c.t.InvoiceStatus(ctx, inv.Reference)
		if err == nil {
			s.By[inv.ID] = info
			continue
		}
		switch _, kind := kindOf(err); kind {
		case ksef.KindRefused:
		case ksef.KindUnreadable:
			s.Unread[inv.ID] = true
		default:
			s.Sick = cmp.Or(s.Sick, err)
		}
		if s.Sick != nil && endsRound(s.Sick) {
			break
		}
	}
	return s
}

// askReceipt fetches the receipt of a package's session. It does not archive the receipt, because
// the receipt may not cover the package yet.
func (c *confirmation) askReceipt(ctx context.Context) settlement.OwnReceipt {
	own := settlement.OwnReceipt{Asked: true}
	raw, err := c.t.SessionUPO(ctx, c.p.Session)
	if _, kind := kindOf(err); kind == ksef.KindRefused {
		return own
	}
	if err != nil {
		own.Err = notYet(err)
		return own
	}
	r, err := ksef.ParseReceipt(raw)
	if err != nil {
		c.w.o.Log.Warn().Str("package", c.p.ID).Str("session", c.p.Session).Err(err).Msg("the receipt of a session cannot be read")
		return own
	}
	own.Receipt = r
	return own
}
