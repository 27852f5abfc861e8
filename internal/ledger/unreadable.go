package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrNewer says that a newer build wrote an entry or sealed a document, as happens during a rolling
// update. The entry or document is left to a worker of that build.
var ErrNewer = errors.New("entry of a newer version")

// errDamaged says that an entry lacks something that every entry has, or that its key holds another
// type.
var errDamaged = errors.New("entry is damaged")

// Damaged reports whether an error says that an entry is damaged, and not that a newer build wrote
// it.
func Damaged(err error) bool { return errors.Is(err, errDamaged) }

// Unreadable is an entry that cannot be read, because it is damaged or because a newer build wrote
// it. It may also be a shared key that is sick, or the record of a refused document.
type Unreadable struct {
	ID  string
	Key string // without the prefix: inv:<id>, pkg:<id>, refused:<tenant>|<id>, or the name of a shared key
	Err error  // [ErrNewer], or what is wrong with it

	// State and Package are what its fields say. The scripts act on them, whichever build wrote the
	// rest.
	State   string
	Package string
	Tenant  string // of an invoice or a refused document; "" for a package, or when the fields do not say it
	Opaque  bool   // its key holds no fields, so nothing is known of it
	Listed  State  // of an invoice: the state whose index lists it; "" if none does, or more than one
}

// KnownState returns the state of an invoice as its fields say it. If they do not say a state that
// this build knows, it returns the state whose index lists the invoice, or else what the fields
// say, or "".
func (u *Unreadable) KnownState() string {
	if slices.Contains(States(), State(u.State)) {
		return u.State
	}
	return cmp.Or(string(u.Listed), u.State)
}

// Undecided reports whether the outcome of an invoice with this entry is not certain.
func (u Unreadable) Undecided() bool { return u.Opaque || !State(u.State).Final() }

// Shared reports whether this is not an entry, but a key that serves to find entries, or the record
// of a refused document. A look-up that names such a key may have missed entries.
func (u Unreadable) Shared() bool { return isShared(u.Key) }

// UnreadableError names the entries that could not be read. A call that reads many entries returns
// the error together with the entries that could be read. An entry that is neither returned nor
// named does not exist, unless the error names a shared key. A caller that needs the complete list
// MUST stop at this error. A caller that handles each entry independently uses [Skip] and goes on
// with the others.
type UnreadableError struct {
	Entries []Unreadable // at least one
}

// maxNamed bounds the length of the message.
const maxNamed = 5

func (e *UnreadableError) Error() string {
	var b strings.Builder
	for i, u := range e.Entries {
		if i == maxNamed {
			fmt.Fprintf(&b, "; and %d more", len(e.Entries)-maxNamed)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "read %s: %v", u.ID, u.Err)
	}
	return b.String()
}

// Unwrap returns the error of each entry.
func (e *UnreadableError) Unwrap() []error {
	errs := make([]error, len(e.Entries))
	for i, u := range e.Entries {
		errs[i] = u.Err
	}
	return errs
}

// Skip returns the entries of an [*UnreadableError] and no error. It returns any other error
// unchanged.
func Skip(err error) ([]Unreadable, error) {
	var u *UnreadableError
	if errors.As(err, &u) {
		return u.Entries, nil
	}
	return nil, err
}

// some returns an [*UnreadableError] about entries; nil if there are none.
func some(entries []Unreadable) error {
	if len(entries) == 0 {
		return nil
	}
	return &UnreadableError{Entries: entries}
}

// wrongType reports whether an error says that a key holds another type than the command needs, or
// a text or too large a number where the command counts. Such an error concerns one key. Any other
// error of Redis is taken to concern all keys.
func wrongType(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "value is not an integer") ||
		redis.HasErrorPrefix(err, "increment or decrement would overflow")
}

// pipe sends commands in one round trip. It leaves errors that concern only the key of one command
// to the caller, who finds them in the command.
func (st *store) pipe(ctx context.Context, fill func(redis.Pipeliner)) error {
	return pipe(ctx, st.rdb, fill)
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
