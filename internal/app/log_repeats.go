package app

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// repeatEvery is how often the same complaint is written.
const repeatEvery = time.Minute

// repeats is a log hook that leaves out repeated complaints. A complaint is a
// warning or error of this program that begins with "cannot ", or any warning or error of the
// queue. In an outage the same complaint comes every second. It is written once a minute, and the
// next line says how many were left out. All other messages are written, even when their texts
// repeat, because each may be about a different invoice or package. Safe for concurrent use.
type repeats struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*repeat
}

// repeat is one complaint.
type repeat struct {
	at      time.Time // when it was written
	leftOut int       // how often it was left out since then
}

func newRepeats(now func() time.Time) *repeats { return &repeats{now: now, seen: map[string]*repeat{}} }

// complaint returns the part of a message that identifies the complaint, which is the text before
// any detail. For a message that is not a complaint, it returns "".
func complaint(message string, fromQueue bool) string {
	if !fromQueue && !strings.HasPrefix(message, "cannot ") {
		return ""
	}
	if i := strings.IndexAny(message, ":="); i >= 0 {
		message = message[:i] // an error or a task's id follows
	}
	return message
}

// admit decides whether a complaint is written, and returns how often it was left out since it was
// written last.
func (r *repeats) admit(key string) (leftOut int, write bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	last := r.seen[key]
	if last == nil {
		last = &repeat{}
		r.seen[key] = last
	} else if now.Sub(last.at) < repeatEvery {
		last.leftOut++
		return 0, false
	}
	leftOut, last.at, last.leftOut = last.leftOut, now, 0
	return leftOut, true
}

// Run implements zerolog.Hook for this program's own messages.
func (r *repeats) Run(e *zerolog.Event, level zerolog.Level, message string) {
	r.run(e, level, message, false)
}

func (r *repeats) run(e *zerolog.Event, level zerolog.Level, message string, fromQueue bool) {
	key := complaint(message, fromQueue)
	if level < zerolog.WarnLevel || key == "" {
		return
	}
	leftOut, write := r.admit(key)
	if !write {
		e.Discard()
		return
	}
	if leftOut > 0 {
		e.Int("left_out", leftOut)
	}
}

// queueRepeats is the same hook for the queue's messages, all of which count as complaints.
type queueRepeats struct{ *repeats }

// Run implements zerolog.Hook.
func (r queueRepeats) Run(e *zerolog.Event, level zerolog.Level, message string) {
	r.run(e, level, message, true)
}
