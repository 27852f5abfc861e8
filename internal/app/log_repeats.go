package app

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// repeatEvery is how often the same complaint is worth a line.
const repeatEvery = time.Minute

// repeats is a hook that thins out what is said over and over in an outage: what is tried again every second, by this program ("cannot …") or by the queue. Each such complaint is one line a
// minute, and the next one says how many were left out. Everything else passes: it is about one invoice or one package, and the next line is about another. Safe for concurrent use.
type repeats struct {
	now func() time.Time

	mu   sync.Mutex
	said map[string]*repeat
}

type repeat struct {
	at      time.Time
	leftOut int
}

func newRepeats(now func() time.Time) *repeats { return &repeats{now: now, said: map[string]*repeat{}} }

// complaint is what a message is told apart by: the words before any detail. "" is none.
func complaint(message string, fromQueue bool) string {
	if !fromQueue && !strings.HasPrefix(message, "cannot ") {
		return ""
	}
	if i := strings.IndexAny(message, ":="); i >= 0 {
		message = message[:i] // what follows is an error or a task's id
	}
	return message
}

// thin decides whether a message is written, and how many like it were not since the last one.
func (r *repeats) thin(key string) (leftOut int, write bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	last := r.said[key]
	if last == nil {
		last = &repeat{}
		r.said[key] = last
	} else if now.Sub(last.at) < repeatEvery {
		last.leftOut++
		return 0, false
	}
	leftOut, last.at, last.leftOut = last.leftOut, now, 0
	return leftOut, true
}

// Run implements zerolog.Hook for this program's own lines.
func (r *repeats) Run(e *zerolog.Event, level zerolog.Level, message string) {
	r.run(e, level, message, false)
}

func (r *repeats) run(e *zerolog.Event, level zerolog.Level, message string, fromQueue bool) {
	key := complaint(message, fromQueue)
	if level < zerolog.WarnLevel || key == "" {
		return
	}
	leftOut, write := r.thin(key)
	if !write {
		e.Discard()
		return
	}
	if leftOut > 0 {
		e.Int("left_out", leftOut)
	}
}

// queueRepeats is the same for the queue's lines, which are all of that sort.
type queueRepeats struct{ *repeats }

// Run implements zerolog.Hook.
func (r queueRepeats) Run(e *zerolog.Event, level zerolog.Level, message string) {
	r.run(e, level, message, true)
}
