package watch

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How often the folder is polled, where the system reports changes and where it does not. For a
// network share, the system does not tell what other machines do.
const (
	pollTold   = 30 * time.Second
	pollUntold = 2 * time.Second
	// gather is how long changes are gathered before the folder is read.
	gather = 50 * time.Millisecond
)

// notices wake the loop.
type notices struct {
	system *fsnotify.Watcher // nil: only time wakes the loop
	known  map[string]bool   // the folders that system watches
	c      *core
	poll   time.Duration
	how    string
}

func newNotices(c *core) *notices {
	n := &notices{c: c, poll: pollUntold, how: "looking every " + pollUntold.String()}
	if c.o.Poll > 0 {
		n.poll, n.how = c.o.Poll, "looking every "+c.o.Poll.String()
	}
	if isShare(c.o.Dir) {
		n.how += ", because it is a network share"
		return n
	}
	system, err := fsnotify.NewWatcher()
	if err != nil {
		n.how += ", because the system cannot tell of changes"
		c.o.Log.Warn().Err(err).Msg("the system cannot report changes in the folder; the folder is polled instead")
		return n
	}
	n.system, n.known, n.how = system, map[string]bool{}, "notices of the system"
	if c.o.Poll == 0 {
		n.poll = pollTold
	}
	n.add([]string{"."})
	return n
}

// add watches each of the folders that is not watched yet. It forgets the folders that were watched
// and are not among these. When one of the folders cannot be watched, the loop polls all of them as
// often as on a network share.
func (n *notices) add(folders []string) {
	if n.system == nil {
		return
	}
	there := make(map[string]bool, len(folders))
	for _, dir := range folders {
		there[dir] = true
		if n.known[dir] {
			continue
		}
		if err := n.system.Add(n.c.path(dir)); err != nil {
			n.c.o.Log.Warn().Err(err).Str("folder", dir).
				Msg("the system does not report changes in this folder; all folders are polled more often")
			n.poll = min(n.poll, pollUntold)
		}
		n.known[dir] = true
	}
	for dir := range n.known {
		if !there[dir] {
			delete(n.known, dir) // a later folder of this name is a different one, and is added when it comes
		}
	}
}

func (n *notices) close() {
	if n.system != nil {
		_ = n.system.Close()
	}
}

// wait returns after d, or soon after a change. It returns false when ctx is done.
func (n *notices) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var events <-chan fsnotify.Event
	var errs <-chan error
	if n.system != nil {
		events, errs = n.system.Events, n.system.Errors
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case e := <-events:
			// The watch itself changes the list of what waits, so such a change does not wake the
			// loop.
			if e.Name != n.c.path(waitingName) && !e.Has(fsnotify.Chmod) && e.Op != 0 {
				timer.Reset(min(gather, d))
				events = nil
			}
		case err := <-errs:
			n.c.o.Log.Warn().Err(err).Msg("notices of the system about changes were lost; the folder is read now")
			timer.Reset(0)
			errs = nil
		}
	}
}
