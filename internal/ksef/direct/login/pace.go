package login

import (
	"context"
	"sync"
	"time"
)

// Pace keeps the logins of a process apart: KSeF counts them for each address, whoever logs in, and
// allows 60 requests a second. One Pace serves all tenants. Safe for concurrent use.
type Pace struct {
	apart time.Duration

	mu   sync.Mutex
	next time.Time
}

// perLogin is how many requests a login takes until its status is polled for the first time,
// rounded up.
const perLogin = 4

// NewPace allows this many requests a second for logins. It should be a part of KSeF's 60 when
// several processes share an address.
func NewPace(perSecond int) *Pace {
	return &Pace{apart: perLogin * time.Second / time.Duration(max(perSecond, 1))}
}

// Wait returns when a login may begin. Each caller has a turn of its own.
func (p *Pace) Wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.apart)
	p.mu.Unlock()
	t := time.NewTimer(turn.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
