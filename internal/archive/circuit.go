package archive

import (
	"sync"
	"time"
)

const (
	// failuresToOpen in a row, with no answer in between, and the store is out of service. One or
	// two are a lost packet, or one object that hangs by itself.
	failuresToOpen = 3
	firstPause     = time.Second
	maxPause       = time.Minute
)

// circuit remembers whether the store answers. It is this process's own and not the pool's: a share
// that is not mounted here, or a route that is broken from here, says nothing about the others, and
// what they find must not stop this one.
//
// A probe is a [Store.Check], never the call that happens to come first: that one may be about the
// only object that hangs, and would keep the circuit open for all others.
type circuit struct {
	onChange func(Health) // may be nil

	mu       sync.Mutex
	failures int // in a row
	since    time.Time
	closed   time.Time // when it was last closed
	next     time.Time // when a probe is due
	pause    time.Duration
	probing  bool
	why      error
}

// ask returns the health, and whether the caller is the one who probes: then it MUST call probed.
func (c *circuit) ask() (h Health, probe bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h = c.health()
	if !h.Out || h.Wait > 0 || c.probing {
		return h, false
	}
	c.probing = true
	return h, true
}

func (c *circuit) look() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health()
}

// health needs mu.
func (c *circuit) health() Health {
	if c.since.IsZero() {
		return Health{}
	}
	return Health{Out: true, Since: c.since, Why: c.why, Wait: max(0, time.Until(c.next))}
}

func (c *circuit) probed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// answered notes that a call came back with an answer. Only a probe that went well closes the
// circuit: calls that were begun before it opened may still come in.
func (c *circuit) answered(check bool) {
	c.mu.Lock()
	c.failures = 0
	over := check && !c.since.IsZero()
	if over {
		c.since, c.why, c.closed = time.Time{}, nil, time.Now()
	}
	c.mu.Unlock()
	c.tell(over)
}

// failed notes that the store did not work.
func (c *circuit) failed(check bool, why error) {
	c.mu.Lock()
	c.failures++
	now, opened := time.Now(), false
	switch {
	case c.since.IsZero() && c.failures >= failuresToOpen:
		// One that has hardly been closed goes on with its pauses: the probe's few bytes find room
		// on a disk that a document does not.
		if now.Sub(c.closed) < maxPause {
			c.pause = min(max(2*c.pause, firstPause), maxPause)
		} else {
			c.pause = firstPause
		}
		c.since, c.why, c.next, opened = now, why, now.Add(c.pause), true
	case !c.since.IsZero() && check:
		c.pause = min(2*c.pause, maxPause)
		c.why, c.next = why, now.Add(c.pause)
	}
	c.mu.Unlock()
	c.tell(opened)
}

func (c *circuit) tell(changed bool) {
	if changed && c.onChange != nil {
		c.onChange(c.look())
	}
}
