package login

import (
	"time"
)

// Challenge is what a client gets before a login. The client's request to log in must repeat the
// challenge.
type Challenge struct {
	Reference string
	At        time.Time
	// Millis is At in milliseconds since 1970. A client encrypts it together with its token.
	Millis int64
}

type challenge struct {
	Challenge
	used bool
}

// Challenge begins a login.
func (d *Desk) Challenge() Challenge {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opts.Now()
	for ref, c := range d.challenges { // those that nobody can use any more
		if now.Sub(c.At) > 2*d.opts.Lives.Challenge {
			delete(d.challenges, ref)
		}
	}
	c := &challenge{Challenge: Challenge{Reference: d.opts.Reference("CR"), At: now, Millis: now.UnixMilli()}}
	d.challenges[c.Reference] = c
	return c.Challenge
}

// take uses a challenge up. The caller holds mu.
func (d *Desk) take(reference string) (Challenge, *Refusal) {
	c := d.challenges[reference]
	if c == nil || c.used || d.opts.Now().Sub(c.At) >= d.opts.Lives.Challenge {
		return Challenge{}, &Refusal{Code: 21111, Description: "Nieprawidłowe wyzwanie autoryzacyjne."}
	}
	c.used = true
	return c.Challenge, nil
}
