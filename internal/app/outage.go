package app

import (
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ratelimit"
)

// outages logs what is out of service. It does so when this process first finds out, once an hour
// while the outage lasts, and when it is over. Each circuit, of a host or of one operation of one
// tenant, has its own lines. Only a process whose own request has failed writes these lines.
type outages struct{ *spells }

const againAtIntervals = "requests are tried again at growing intervals, at least every five minutes"

// goesOn logs the open circuit that holds a request of the pair p back. It is the circuit of p
// itself or the circuit of the host of p.
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
		line.Msg("this process cannot connect to the gateway: it leaves its tasks to other workers, which go on if they can; " +
			againAtIntervals)
		return
	case s.unanswered:
		line.Msg("this process gets no proper answer from the gateway: it leaves its tasks to other workers; " +
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

// over logs the end of an outage. It is called after each answer.
func (o outages) over(log zerolog.Logger, p ratelimit.Pair) {
	if after, was := o.spells.over(ratelimit.Pair{Host: p.Host}.String()); was {
		log.Info().Stringer("after", after.Round(time.Millisecond)).Str("host", p.Host).
			Msg("the gateway answers again: waiting invoices are sent in the order of their deadlines")
	}
	if after, was := o.spells.over(p.String()); was {
		log.Info().Stringer("after", after.Round(time.Millisecond)).Str("host", p.Host).Str("tenant", p.Tenant).Str("group", p.Group).
			Msg("the gateway answers this tenant's requests of this group again")
	}
}
