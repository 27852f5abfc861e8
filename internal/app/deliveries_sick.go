package app

import (
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// logServed logs that a receiver cannot be served: at first, then once an hour, and when it can be
// served again. asynq itself logs no error of a task.
func (d *deliveries) logServed(name string, err error) {
	if err != nil {
		if since, due := d.spells.goesOn("serve " + name); due {
			d.log.Warn().Str("receiver", name).Time("since", since).Err(err).
				Msg("the receiver cannot be told of results; it is tried again every five seconds, and no other receiver waits for it")
		}
		return
	}
	if after, was := d.spells.over("serve " + name); was {
		d.log.Info().Str("receiver", name).Stringer("after", after.Round(time.Second)).Msg("the receiver can be told of results again")
	}
}

// logSick logs, in the same manner, the keys of a receiver that hold a value of the wrong type.
// These keys are in sick.
func (d *deliveries) logSick(name string, sick []ledger.Unreadable) {
	for _, u := range sick {
		if since, due := d.spells.goesOn("sick " + u.Key); due {
			d.log.Error().Str("receiver", name).Str("key", u.Key).Time("since", since).Err(u.Err).
				Msg("a key of this receiver is sick: it is told nothing until a person has mended the key, and no other receiver waits for it")
		}
	}
	if after, was := d.wellAgain(name, sick); was {
		d.log.Info().Str("receiver", name).Stringer("after", after.Round(time.Second)).
			Msg("a key of this receiver that was sick is well again, or gone")
	}
}

// wellAgain ends the spells of the receiver's keys that are no longer sick. was reports whether
// there was such a key, and longest says how long the longest of these spells lasted.
func (d *deliveries) wellAgain(name string, sick []ledger.Unreadable) (longest time.Duration, was bool) {
	for _, key := range ledger.SinkKeys(name) {
		if slices.ContainsFunc(sick, func(u ledger.Unreadable) bool { return u.Key == key }) {
			continue
		}
		if after, ended := d.spells.over("sick " + key); ended {
			longest, was = max(longest, after), true
		}
	}
	return longest, was
}
