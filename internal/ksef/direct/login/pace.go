package login

import (
	"context"
	"sync"
	"time"
)

// Pace spaces out the requests of logins. KSeF allows 60 a second for each IP address, for all
// tenants together. One Pace serves all tenants of a process. Logins begin one after the other, so
// that the first ones are done while the last ones still wait. The requests of logins that have
// begun take turns in the same way. A nil Pace never waits. A Pace is safe for concurrent use.
type Pace struct{ begin, request turns }

// perLogin is how many requests a login makes at most up to the first poll of its status.
const perLogin = 4

// NewPace returns a Pace that allows perSecond requests a second for logins. When several processes
// share an address, perSecond should be a part of KSeF's 60.
func NewPace(perSecond int) *Pace {
	apart := time.Second / time.Duration(max(perSecond, 1))
	return &Pace{begin: turns{apart: perLogin * apart}, request: turns{apart: apart}}
}

// Wait blocks until a login may begin, or until ctx ends. Each caller has a turn of its own.
func (p *Pace) Wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.begin.wait(ctx, 1)
}

// Request blocks until n more requests of a login that has begun may be made, or until ctx ends.
func (p *Pace) Request(ctx context.Context, n int) error {
	if p == nil {
		return nil
	}
	return p.request.wait(ctx, n)
}

// turns gives each caller a turn, in the order in which the callers ask.
type turns struct {
	apart time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait blocks until the last of n turns has come.
func (t *turns) wait(ctx context.Context, n int) error {
	t.mu.Lock()
	now := time.Now()
	turn := t.next
	if turn.Before(now) {
		turn = now
	}
	turn = turn.Add(time.Duration(n-1) * t.apart)
	t.next = turn.Add(t.apart)
	t.mu.Unlock()
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
