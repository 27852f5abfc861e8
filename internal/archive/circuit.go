package archive

import (
	"sync"
	"time"
)

const (
	// failuresToOpen failures in a row, with no answer in between, put the store out of service.
	// One or two can be a lost packet, or a single object that hangs.
	failuresToOpen = 3
	firstPause     = time.Second
	maxPause       = time.Minute
)

// circuit remembers whether the store answers. While the circuit is open, the store is out of
// service. A circuit belongs to this process, not to the pool, because a share may be missing or a
// route broken on one machine only. Other processes must not stop for that.
//
// A probe is always a [Store.Check]. The next call would be a bad probe, because it may be for the
// only object that hangs. Then the circuit would stay open for all other objects.
type circuit struct {
	onChange func(Health) // may be nil

	mu       sync.Mutex
	failures int // in a row
	since    time.Time
	closed   time.Time // when it was last closed
	next     time.Time // when the next probe is due
	pause    time.Duration
	probing  bool
	why      error
}

// ask returns the health, and whether the caller must probe the store. A caller that must probe
// MUST call probed afterwards.
func (c *circuit) ask() (h Health, probe bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h = c.healthLocked()
	if !h.OutOfService || h.Wait > 0 || c.probing {
		return h, false
	}
	c.probing = true
	return h, true
}

func (c *circuit) health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.healthLocked()
}

// healthLocked is health for a caller that holds mu.
func (c *circuit) healthLocked() Health {
	if c.since.IsZero() {
		return Health{}
	}
	return Health{OutOfService: true, Since: c.since, Why: c.why, Wait: max(0, time.Until(c.next))}
}

func (c *circuit) probed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// answered records that a call was answered. check says that the call was a probe. Only the answer
// to a probe closes the circuit, because answers to calls that began before it opened may still
// arrive.
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

// failed records that the store did not work.
func (c *circuit) failed(check bool, why error) {
	c.mu.Lock()
	c.failures++
	now, opened := time.Now(), false
	switch {
	case c.since.IsZero() && c.failures >= failuresToOpen:
		// A disk that is too full for a document may still take the few bytes of a probe. So a
		// circuit that was closed only recently doubles its last pause.
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
		c.onChange(c.health())
	}
}
