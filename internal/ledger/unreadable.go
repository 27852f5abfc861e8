package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrNewer says that an entry was written by a newer build, as happens during a rolling update: it
// is left to a worker of that build.
var ErrNewer = errors.New("entry of a newer version")

// errDamaged says that an entry lacks what every entry has, or that its key holds something else.
var errDamaged = errors.New("entry is damaged")

// Unreadable is an entry that is there and cannot be read: it is damaged, or was written by a newer
// build.
type Unreadable struct {
	ID  string
	Key string // in Redis, without the prefix: inv:<id> or pkg:<id>
	Err error  // [ErrNewer], or what is wrong with it

	// What its fields say all the same: the scripts go by them, whatever build wrote the rest. Of
	// an opaque one, whose key holds no fields at all, nothing is known.
	State   string
	Package string
	Opaque  bool
}

// Undecided reports that the entry is of an invoice whose outcome is not known for certain.
func (u Unreadable) Undecided() bool { return u.Opaque || !State(u.State).Final() }

// UnreadableError names the entries that could not be read. Of many, what could be read is returned
// along with it: absent is what is neither returned nor named. Whoever goes by what is complete
// MUST stop at the error; whoever works on each entry for itself takes it apart with [Skip] and
// goes on with the others.
type UnreadableError struct {
	Entries []Unreadable // at least one
}

// mostNamed bounds the length of the message.
const mostNamed = 5

func (e *UnreadableError) Error() string {
	var b strings.Builder
	for i, u := range e.Entries {
		if i == mostNamed {
			fmt.Fprintf(&b, "; and %d more", len(e.Entries)-mostNamed)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "read %s: %v", u.ID, u.Err)
	}
	return b.String()
}

// Unwrap gives what is wrong with each.
func (e *UnreadableError) Unwrap() []error {
	errs := make([]error, len(e.Entries))
	for i, u := range e.Entries {
		errs[i] = u.Err
	}
	return errs
}

// Skip takes an error apart: the entries that could not be read, when that is all it says, or else
// the error itself.
func Skip(err error) ([]Unreadable, error) {
	var u *UnreadableError
	if errors.As(err, &u) {
		return u.Entries, nil
	}
	return nil, err
}

// some is an UnreadableError about entries; nil when there are none.
func some(entries []Unreadable) error {
	if len(entries) == 0 {
		return nil
	}
	return &UnreadableError{Entries: entries}
}

// wrongType reports that a key holds something else than it should. That concerns this key alone,
// while any other error of Redis concerns them all.
func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// pipe sends commands in one round trip. What a command says about its own key alone is for the
// caller to ask it.
func (l *Ledger) pipe(ctx context.Context, fill func(redis.Pipeliner)) error {
	return pipe(ctx, l.rdb, fill)
}

type pipeliner interface {
	Pipelined(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

func pipe(ctx context.Context, rdb pipeliner, fill func(redis.Pipeliner)) error {
	cmds, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error { fill(p); return nil })
	ofOne := func(err error) bool { return err == nil || errors.Is(err, redis.Nil) || wrongType(err) }
	if !ofOne(err) {
		return err
	}
	for _, c := range cmds {
		if !ofOne(c.Err()) {
			return c.Err()
		}
	}
	return nil
}
