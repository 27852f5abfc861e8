package httpintake

import "time"

// firstTimeout is how long a server waits for the files of keys when it starts. A file that hangs
// is read later, as soon as it can be.
const firstTimeout = 5 * time.Second

// readFirst reads every file of keys once, when the server starts. If a file cannot be used, its
// own client may not call until the file is corrected, and the log says so. Other clients may call.
func (cs *clients) readFirst() {
	begun := make([]<-chan struct{}, len(cs.all))
	for i, c := range cs.all {
		begun[i] = c.check(cs.o)
	}
	timeout := time.NewTimer(firstTimeout)
	defer timeout.Stop()
wait:
	for _, done := range begun {
		select {
		case <-done:
		case <-timeout.C:
			break wait
		}
	}
	cs.dispute()
	if !cs.some() {
		cs.o.Log.Error().Msg("no client may call, because no file of keys has a key that can be used; a file that is corrected is read again without a restart")
	}
}

// dispute takes away each key that several files have, so that it opens nothing. At the start
// nothing tells which client owns the key, and no client may get the tenants of another. After the
// start, check does this for a key that a file gets: the key stays with the client that had it
// first.
func (cs *clients) dispute() {
	cs.storing.Lock()
	defer cs.storing.Unlock()
	for _, c := range cs.all {
		for _, other := range cs.all {
			if other == c {
				continue
			}
			c.mu.Lock()
			shared := c.shared
			c.mu.Unlock()
			other.mu.Lock()
			lost := other.keys.in(shared)
			other.keys, other.shared = other.keys.without(lost), append(other.shared, lost...)
			other.mu.Unlock()
		}
	}
}

// some reports whether any client has a key. It reads the files again when that is due. The
// readiness check calls it, so a server that gets no other calls notices a corrected file too.
func (cs *clients) some() bool {
	found := false
	for _, c := range cs.all {
		c.await(c.check(cs.o))
		c.mu.Lock()
		found = found || len(c.keys) > 0
		c.mu.Unlock()
	}
	return found
}
