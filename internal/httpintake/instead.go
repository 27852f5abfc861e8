package httpintake

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// insteadTime bounds a search of the archive, which may have to look into every month.
const insteadTime = 10 * time.Second

// invoiceOrInstead returns the entry that the path of a call names. When the entry is damaged and
// the archive has the invoice, it returns the archived result instead, and no error. In every other
// case it returns what the method invoice returns.
func (sg *single) invoiceOrInstead(c *call) (inv ledger.Invoice, instead *results.Result, err error) {
	id := c.r.PathValue("id")
	inv, err = sg.o.Ledger.Named(c.ctx(), id)
	if unread, _ := ledger.Skip(err); len(unread) > 0 {
		if r, ok := sg.instead(c, &unread[0]); ok {
			return inv, &r, nil
		}
	}
	inv, err = sg.invoice(c, id)
	return inv, nil, err
}

// instead asks the archive for the invoice of a damaged entry. It returns no invoice of another
// client. The tenant of such an entry is often not known, but the archived result names it. When
// the archive does not answer, the caller learns what is known without the archive. A client may
// have only one such search at a time, because many would slow down the calls of others.
func (sg *single) instead(c *call, u *ledger.Unreadable) (results.Result, bool) {
	select {
	case c.client.looking <- struct{}{}:
		defer func() { <-c.client.looking }()
	case <-c.ctx().Done():
		return results.Result{}, false
	}
	ctx, cancel := context.WithTimeout(c.ctx(), insteadTime)
	defer cancel()
	r, ok, err := sg.o.Records.Instead(ctx, u)
	if err != nil {
		sg.o.Log.Warn().Err(err).Str("request_id", c.id).Str("invoice", u.ID).
			Msg("the archive could not be asked for an invoice whose entry is damaged")
	}
	return r, ok && err == nil && c.owns(r.Tenant)
}
