package postgres

import (
	"context"
	"math/rand/v2"

	"ksefworker/internal/results/sinks"
)

const (
	// maxAlike is how many results the database may refuse one by one while it takes none. Then the
	// others are not tried: most likely it takes none of them either.
	maxAlike = 16
	// maxAiling replaces maxAlike for answers that seem to concern all results, such as a full
	// disk. It is smaller, so that a server that says so is asked little more. These answers are
	// counted from the result that was taken last, because a disk may become full at any time.
	maxAiling = 8
)

// rows finds out which results the database refuses. It halves a batch that was refused until the
// results at fault are alone, and writes each part in a transaction of its own. A part is a list of
// places in messages.
type rows struct {
	messages []sinks.Message
	write    func([]sinks.Message) error // in one transaction
	errs     []error                     // of each message
	taken    bool                        // the database took a part
	alone    int                         // results that it refused when each was alone, values apart
	ailing   int                         // those since it took a part, with an answer that seems to concern all
	over     error                       // why nothing more is written; nil while parts are tried
}

// find is called when messages were refused as a batch. It returns what became of each, and ends
// when ctx does.
func find(ctx context.Context, messages []sinks.Message, refused error, write func([]sinks.Message) error) []error {
	r := &rows{messages: messages, write: write, errs: make([]error, len(messages))}
	// Results at fault may all be in one place, such as those of one tenant. In a random order they
	// do not all come first, so the first ones say something about the others.
	r.narrow(ctx, rand.Perm(len(messages)), refused)
	return r.errs
}

// narrow writes the halves of a part that was refused.
func (r *rows) narrow(ctx context.Context, part []int, refused error) {
	switch {
	case broken(refused):
		r.over = refused
	case len(part) > 1:
		middle := len(part) / 2
		r.try(ctx, part[:middle], refused)
		r.try(ctx, part[middle:], refused)
		return
	case !refusesValue(refused):
		r.count(refused)
	}
	r.fail(part, refused)
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

// try writes a part of what was refused. When the time is over, the refusal stands for the rest.
func (r *rows) try(ctx context.Context, part []int, refused error) {
	if r.over != nil {
		r.fail(part, r.over)
		return
	}
	chosen := make([]sinks.Message, len(part))
	for i, place := range part {
		chosen[i] = r.messages[place]
	}
	err := r.write(chosen)
	switch {
	case err == nil:
		r.taken, r.ailing = true, 0
	case ctx.Err() != nil:
		r.over = refused
		r.fail(part, refused)
	default:
		r.narrow(ctx, part, err)
	}
}

func (r *rows) fail(part []int, err error) {
	for _, place := range part {
		r.errs[place] = err
	}
}
