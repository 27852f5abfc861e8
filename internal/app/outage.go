package app

import (
	"github.com/rs/zerolog"

	"ksefworker/internal/ratelimit"
)

// outages says in the log what is out of service: when this process first meets it, once an hour
// while it lasts, and when it is over. Each circuit has lines of its own: a host that is down, and
// one operation of one tenant that is. Only the process whose request is the pool's probe knows, so
// a large pool says it no more often.
type outages struct{ *spells }

const againAtIntervals = "asked again at growing intervals, at least every five minutes"

// goesOn tells of the circuit that keeps a request of p back: p's own, or its host's.
func (o outages) goesOn(log zerolog.Logger, p ratelimit.Pair, s reach, why error) {
	if s.OfHost {
		p = ratelimit.Pair{Host: p.Host}
	}
	since, due := o.spells.goesOn(p.String())
	if !due {
		return
	}
	line := log.Warn().Err(why).Time("since", since).Str("host", p.Host)
	switch {
	case s.own:
		line.Msg("this process cannot connect to the gateway: what it takes up waits, other workers go on if they can; " +
			againAtIntervals)
		return
	case s.unanswered:
		line.Msg("this process gets no proper answer from the gateway: it leaves what it takes up to other workers; " +
			againAtIntervals)
		return
	case s.OfHost:
		line.Msg("the gateway is out of service: everything waits, no attempts are used up; " +
			againAtIntervals)
		return
	}
	line.Str("tenant", p.Tenant).Str("group", p.Group).
		Msg("the gateway does not answer this tenant's requests of this group: they wait, all others go on; " +
			againAtIntervals)
}

// over is told of an answer.
func (o outages) over(log zerolog.Logger, p ratelimit.Pair) {
	if after, was := o.spells.over(ratelimit.Pair{Host: p.Host}.String()); was {
		log.Info().Dur("after", after).Str("host", p.Host).Msg("the gateway answers again: what waits is sent in the order of deadlines")
	}
	if after, was := o.spells.over(p.String()); was {
		log.Info().Dur("after", after).Str("host", p.Host).Str("tenant", p.Tenant).Str("group", p.Group).
			Msg("the gateway answers this tenant's requests of this group again")
	}
}
