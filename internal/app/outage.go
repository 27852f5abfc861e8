package app

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// outageEvery is how often an outage of the gateway that goes on is worth a line.
const outageEvery = time.Hour

// outage says in the log that the gateway is down: when this process first meets it, once an hour while it lasts, and when it is over. What waits is not logged one by one: a night's export
// and three days would be a million lines. Safe for concurrent use; only the process whose request is the pool's probe knows, so a large pool says it no more often.
type outage struct {
	now func() time.Time

	mu          sync.Mutex
	since, said time.Time // zero while the gateway answers
}

func newOutage(now func() time.Time) *outage {
	if now == nil {
		now = time.Now
	}
	return &outage{now: now}
}

func (o *outage) goesOn(log zerolog.Logger, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.said) < outageEvery {
		return
	}
	o.said = now
	log.Warn().Err(why).Time("since", o.since).Msg("the gateway is out of service: everything waits, no attempts are used up; asked again at growing intervals, at least every five minutes")
}

func (o *outage) over(log zerolog.Logger) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	log.Info().Dur("after", o.now().Sub(o.since)).Msg("the gateway answers again: what waits is sent in the order of deadlines")
	o.since, o.said = time.Time{}, time.Time{}
}
