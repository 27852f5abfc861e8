package postgres

import (
	"context"
	"math/rand/v2"

	"ksefworker/internal/results/sinks"
)

const (
	// maxAlike is how many results the database may refuse one by one while it takes none. After
	// that many, the other results are not tried, because most likely the database takes none of
	// them either.
	maxAlike = 16
	// maxAiling replaces maxAlike for answers that seem to concern all results, such as a full
	// disk. It is smaller, so that a server in such trouble is asked little more. These answers are
	// counted from the result that was taken last, because a disk may become full at any time.
	maxAiling = 8
	// maxEnds is how many connections may end while one batch is searched.
	maxEnds = 32
)

// database is what a search writes to.
type database struct {
	write func([]sinks.Message) error // in one transaction, on a new connection after one that ended
	well  func() error                // makes a connection when there is none; an [*unready] when it cannot
}

// rows finds out which results the database refuses. It halves a refused batch again and again,
// until the results at fault are alone, and writes each part in a transaction of its own. A part is
// a list of places in messages.
type rows struct {
	database
	messages []sinks.Message
	errs     []error // of each message
	taken    bool    // the database took a part
	alone    int     // results that it refused when each was alone, for a reason other than a value
	ailing   int     // those of alone whose answer seems to concern all results, since it last took a part
	ends     int     // connections that ended while parts were written
	shown    bool    // a result ended its connection when it was alone, and the database was well
	over     error   // why nothing more is written; nil while parts are tried
}

// find writes messages that were refused as a batch, part by part, until ctx ends. It returns one
// error for each message; nil means that the message was written.
func find(ctx context.Context, messages []sinks.Message, refused error, db database) []error {
	r := &rows{database: db, messages: messages, errs: make([]error, len(messages))}
	// Results at fault may all be in one place, such as those of one tenant. In a random order they
	// do not all come first, so the first ones say something about the others.
	r.narrow(ctx, rand.Perm(len(messages)), refused)
	return r.errs
}

// narrow writes the halves of a part that was refused.
func (r *rows) narrow(ctx context.Context, part []int, refused error) {
	switch {
	case isUnready(refused), broken(refused) && ctx.Err() != nil:
		r.over = refused
	case broken(refused) && !r.mayEnd():
		refused = r.blame(refused)
		r.over = refused
	case len(part) > 1:
		middle := len(part) / 2
		r.try(ctx, part[:middle], refused)
		r.try(ctx, part[middle:], refused)
		return
	case broken(refused):
		r.again(ctx, part, refused)
		return
	case !refusesValue(refused):
		r.count(refused)
	}
	r.fail(part, refused)
}

// mayEnd counts the end of a connection. It returns false when too many have ended.
func (r *rows) mayEnd() bool {
	r.ends++
	return r.ends < maxEnds
}

// blame returns what the end of a connection says about results that nobody can try any more. Once
// the database was seen to be well otherwise, the end of a connection says nothing about the
// database.
func (r *rows) blame(refused error) error {
	if r.taken || r.shown {
		return &ended{refused}
	}
	return refused
}

// again writes a result alone once more, on a new connection, because the old one may have ended
// for another reason. If the new one ends too, and another can be made, the result is at fault.
func (r *rows) again(ctx context.Context, part []int, refused error) {
	switch err := r.write(r.chosen(part)); {
	case err == nil:
		r.taken, r.ailing = true, 0
	case isUnready(err):
		r.over = err
		r.fail(part, err)
	case !broken(err):
		r.narrow(ctx, part, err)
	case ctx.Err() != nil:
		r.over = r.blame(refused)
		r.fail(part, r.over)
	default:
		if away := r.well(); away != nil {
			r.over = away
			r.fail(part, away)
			return
		}
		r.ends++
		r.shown = true
		r.count(&ended{err})
		r.fail(part, &ended{err})
	}
}

// count counts a result that was refused alone. It ends the search when the others would most
// likely be refused too.
func (r *rows) count(refused error) {
	r.alone++
	if seemsToConcernAll(refused) {
		r.ailing++
	}
	if r.alone >= maxAlike && !r.taken || r.ailing >= maxAiling {
		r.over = refused
	}
}

// try writes a part of what was refused. When the time is over, all results that are left get the
// error refused.
func (r *rows) try(ctx context.Context, part []int, refused error) {
	if r.over != nil {
		r.fail(part, r.over)
		return
	}
	err := r.write(r.chosen(part))
	switch {
	case err == nil:
		r.taken, r.ailing = true, 0
	case ctx.Err() != nil && !isUnready(err):
		r.over = refused
		if broken(refused) {
			r.over = r.blame(refused)
		}
		r.fail(part, r.over)
	default:
		r.narrow(ctx, part, err)
	}
}

// chosen returns the results at the places.
func (r *rows) chosen(part []int) []sinks.Message {
	out := make([]sinks.Message, len(part))
	for i, place := range part {
		out[i] = r.messages[place]
	}
	return out
}

func (r *rows) fail(part []int, err error) {
	for _, place := range part {
		r.errs[place] = err
	}
}
