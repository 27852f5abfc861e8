package tracing

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// tellEvery is how often the log says again that the collector does not take spans.
const tellEvery = 10 * time.Minute

// teller logs, rarely, that spans get lost. Safe for concurrent use.
type teller struct {
	log zerolog.Logger
	now func() time.Time

	mu     sync.Mutex
	at     time.Time // when the loss was last logged
	logged int64     // how many spans had been dropped then
	seen   int64     // how many spans had been dropped at the last export
	sick   bool
}

func newTeller(log zerolog.Logger) *teller { return &teller{log: log, now: time.Now} }

// maxWhy limits how many bytes of an error are logged, because a collector can answer at length.
const maxWhy = 200

// told is called after each export, with its error and with how many spans were dropped so far.
func (t *teller) told(err error, dropped int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	more := dropped > t.seen
	t.seen = dropped
	if err == nil && !more {
		if t.sick {
			t.log.Info().Msg("the collector takes traces again")
		}
		t.sick = false
		return
	}
	if now := t.now(); t.at.IsZero() || now.Sub(t.at) >= tellEvery {
		e := t.log.Warn().Int64("dropped", dropped-t.logged)
		if err != nil {
			why := err.Error()
			e = e.Str("error", why[:min(len(why), maxWhy)])
		}
		e.Msg("traces get lost; nothing else is affected")
		t.at, t.logged = now, dropped
	}
	t.sick = true
}
