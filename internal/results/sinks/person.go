package sinks

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"ksefworker/internal/ledger"
)

// Admin does what a person asks for about receivers. It works while workers run. Ledger is
// required.
type Admin struct {
	Ledger *ledger.Ledger
	// Wait is how long Admin waits for a worker to stop serving the receiver. 0 means a minute.
	Wait time.Duration
}

// ErrBusy says that a worker has the lease of the receiver.
var ErrBusy = errors.New("a worker is busy with this receiver; try again in a minute")

// alone takes the lease of the receiver, so that no worker serves it, and calls act with the token
// of the lease. It returns ErrBusy when the lease does not become free in time. While the outbox or
// a key of the receiver is sick, alone returns an error that names the key, because the receiver is
// told nothing.
func (a Admin) alone(ctx context.Context, sink string, act func(token string) error) error {
	if err := a.Ledger.CheckSink(ctx, sink); err != nil {
		return err
	}
	if _, err := a.Ledger.Outbox(ctx); err != nil {
		return err
	}
	token := rand.Text()
	timeout := time.NewTimer(cmp.Or(a.Wait, time.Minute))
	defer timeout.Stop()
	for {
		ok, err := a.Ledger.LeaseSink(ctx, sink, token, 30*time.Second)
		if err != nil {
			return err
		}
		if ok {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-timeout.C:
			return ErrBusy
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.Join(act(token), func() error {
		_, err := a.Ledger.LeaseSink(context.WithoutCancel(ctx), sink, token, 0)
		return err
	}())
}

// Resend lets a worker try again the outcomes that were given up, and returns how many there are.
// ids names their invoices. Without ids, all outcomes that were given up are tried again.
func (a Admin) Resend(ctx context.Context, sink string, ids ...string) (n int, err error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	err = a.alone(ctx, sink, func(token string) error {
		failed, err := a.Ledger.Failed(ctx, sink, ledger.MaxFailed)
		if err != nil {
			return err
		}
		var of []string
		again := map[string][]ledger.Held{}
		c := ledger.SinkChange{Token: token, Hold: map[string][]ledger.Held{}, Next: map[string]time.Time{}}
		for _, h := range failed {
			if len(ids) > 0 && !wanted[h.ID] {
				continue
			}
			if again[h.ID] == nil {
				of = append(of, h.ID)
			}
			c.Forget = append(c.Forget, h.Name())
			h.First, h.Attempts = 0, 0
			again[h.ID] = append(again[h.ID], h)
			n++
		}
		there, unread, err := a.Ledger.NotTaken(ctx, sink, of)
		if err != nil || n == 0 {
			return err
		}
		now, err := a.Ledger.Clock(ctx)
		if err != nil {
			return err
		}
		for _, id := range unread {
			there[id] = replaceDamaged(id, now, &c)
		}
		for id, list := range again {
			c.Hold[id], c.Next[id] = append(list, there[id]...), now
		}
		return a.change(ctx, sink, c)
	})
	return n, err
}

// Rewind makes a worker send all outcomes since a time again, as far as the outbox still has them.
// The receiver recognises repeats by id and revision.
func (a Admin) Rewind(ctx context.Context, sink string, since time.Time) error {
	return a.alone(ctx, sink, func(token string) error {
		s, err := a.Ledger.Sink(ctx, sink)
		if err != nil {
			return err
		}
		span, err := a.Ledger.Outbox(ctx)
		if err != nil {
			return err
		}
		place := ledger.PlaceOf(since.Add(-time.Millisecond))
		if !ledger.AfterOutcome(s.Cursor, place) {
			return nil // the receiver has not got that far yet
		}
		// The number of outcomes after the new place is unknown, so none of them is counted as
		// lost. The person expects only those that are left.
		if ledger.AfterOutcome(s.Cursor, s.Rewound) {
			s.Rewound = s.Cursor
		}
		s.Cursor, s.Seen, s.Next = place, span.Added-span.Length, 0
		standings, err := a.Ledger.Standings(ctx, sink)
		if err != nil {
			return err
		}
		for _, st := range standings { // their outcomes are read again from the receiver's place
			if ledger.AfterOutcome(st.Cursor, place) {
				st.Cursor, st.Left, st.Late = "", 0, false
			}
		}
		return a.change(ctx, sink, ledger.SinkChange{Token: token, State: &s, Standings: standings})
	})
}

// Resume lets a receiver be called again at once, after it has asked for no more results or while
// it takes none. Everything that is held is tried at once too.
func (a Admin) Resume(ctx context.Context, sink string) error {
	return a.alone(ctx, sink, func(token string) error {
		s, err := a.Ledger.Sink(ctx, sink)
		if err != nil {
			return err
		}
		s.Stopped, s.Next = 0, 0
		standings, err := a.Ledger.Standings(ctx, sink)
		if err != nil {
			return err
		}
		for _, st := range standings {
			st.Next, st.Asked = 0, 0
		}
		return a.change(ctx, sink, ledger.SinkChange{Token: token, State: &s, Standings: standings, AllDue: true})
	})
}

func (a Admin) change(ctx context.Context, sink string, c ledger.SinkChange) error {
	ok, err := a.Ledger.ChangeSink(ctx, sink, c)
	if err == nil && !ok {
		return ErrBusy
	}
	return err
}
