package tasks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// sessionRefusals counts by tenant the sends in a row that KSeF refused because of their session.
// The zero value is ready. Safe for concurrent use.
type sessionRefusals struct {
	mu sync.Mutex
	n  map[string]int
}

// maxSessionRefusals is how many sends of a tenant in a row may be refused because of their
// session. Further refusals count as failures of the invoices, because another online session would
// not help, but a package may.
const maxSessionRefusals = 3

// add counts one more refusal and returns how many there are in a row.
func (r *sessionRefusals) add(tenant string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = map[string]int{}
	}
	r.n[tenant]++
	return r.n[tenant]
}

// clear forgets the refusals of a tenant, because one of its sessions took an invoice.
func (r *sessionRefusals) clear(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.n, tenant)
}

// refusedBySession handles a send that KSeF refused because of its session. The session is full
// (21155), unknown (21173, also seen right after it was opened), closed (21180) or paused for
// service (21184). KSeF has nothing of the invoice, and only the session is at fault. So the
// invoice goes into another session, and the refusal does not count as a failure of the invoice.
// handled is false after more than maxSessionRefusals such refusals in a row.
func (x *onlineSessions) refusedBySession(
	ctx context.Context, t Transport, s *onlineSession, inv *ledger.Invoice, api *ksef.APIError,
) (handled bool, err error) {
	inRow := x.sessionRefusals.add(inv.Tenant)
	if inRow > maxSessionRefusals {
		return false, nil
	}
	x.o.Log.Warn().Str("id", inv.ID).Str("session", s.pkg.Session).Str("tenant", inv.Tenant).Err(api).
		Msg("KSeF refused the session, not the invoice: another session is opened for it")
	x.drop(s)
	if api.Code == ksef.CodeSessionForbids {
		t.Invalidate() // KSeF ends a session whose key it could not decrypt: the public key may be out of date
	}
	if err := x.unsent(ctx, s, inv); err != nil {
		return true, err
	}
	return true, &retry.LaterError{Delay: time.Second << (inRow - 1), Reason: retry.ReasonOther, Err: api,
		What: fmt.Sprintf("its online session took nothing (%d): it goes into the next session", api.Code)}
}
