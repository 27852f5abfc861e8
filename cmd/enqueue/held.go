package main

import (
	"cmp"
	"context"
	"time"

	"ksefworker/internal/ledger"
)

// heldPage is how many held results are read at a time.
const heldPage = 500

// eachHeld calls visit for each held result: one that a receiver has not taken yet, and that is
// tried again. It begins with the result that is tried soonest. It stops when visit returns false.
func eachHeld(ctx context.Context, p *program, receiver string, visit func(*ledger.HeldBack) bool) error {
	for at := 0; ; {
		page, err := p.base.Ledger.HeldBack(ctx, receiver, at, heldPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if !visit(&page[i]) {
				return nil
			}
		}
		at += len(page)
	}
}

// sayWhy fills in why results are held. If s.Error is empty, it becomes the first error that
// eachHeld finds. If the Error of a tenant in s.Tenants is empty, it becomes the first error among
// the results of that tenant. Other results may be held for other reasons.
func sayWhy(ctx context.Context, p *program, s *receiverState) error {
	if s.Held == 0 {
		return nil
	}
	missing := map[string]*tenantState{}
	for i := range s.Tenants {
		if s.Tenants[i].Error == "" {
			missing[s.Tenants[i].Tenant] = &s.Tenants[i]
		}
	}
	return eachHeld(ctx, p, s.Receiver, func(h *ledger.HeldBack) bool {
		if h.Held.Err == "" {
			return true
		}
		s.Error = cmp.Or(s.Error, h.Held.Err)
		if t := missing[h.Held.Tenant]; t != nil {
			t.Error = h.Held.Err
			delete(missing, h.Held.Tenant)
		}
		return len(missing) > 0
	})
}

// notTaken is one result in the list of those that a receiver did not take.
type notTaken struct {
	Delivery string `json:"delivery"` // held (it is tried again) or given up
	ledger.Held
	Next   string `json:"next,omitempty"`   // RFC 3339, UTC; empty when it may be tried now, or was given up
	Behind int    `json:"behind,omitempty"` // later results of the same invoice, which wait for it
}

const (
	stillHeld = "held"
	givenUp   = "given up"
)

// readNotTaken returns the results that a receiver did not take. Those that were given up come
// first, and gaveUp is their number. Those that are tried again follow.
func readNotTaken(ctx context.Context, p *program, receiver string) (list []notTaken, gaveUp int, err error) {
	failed, err := p.base.Ledger.Failed(ctx, receiver, ledger.MaxFailed)
	if err != nil {
		return nil, 0, err
	}
	for i := range failed {
		list = append(list, notTaken{Delivery: givenUp, Held: failed[i]})
	}
	var now time.Time
	if now, err = p.base.Ledger.Clock(ctx); err != nil {
		return nil, 0, err
	}
	err = eachHeld(ctx, p, receiver, func(h *ledger.HeldBack) bool {
		if h.Held.At == "" {
			h.Held.Err = "its record cannot be read"
		}
		list = append(list, notTaken{Delivery: stillHeld, Held: h.Held, Next: ahead(ledger.At(h.Next), now), Behind: h.Waiting})
		return true
	})
	return list, len(failed), err
}
