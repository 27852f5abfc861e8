package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Seals is how the stored documents of this ledger are sealed, as it is on record for every process
// of the pool. A key's id is written before the first document is sealed with it, so an id that is
// not on record was never used. No id ever leaves the record: what is said of it changes.
type Seals struct {
	Layout int                 // the newest that a process of this pool seals with; 0: none has said so
	Keys   map[string]KeyState // by id
}

// KeyState is what the pool has to do with a storage key.
type KeyState string

// The states of a storage key.
const (
	KeyActive  KeyState = "active"  // every process of the pool needs it
	KeyRetired KeyState = "retired" // no document was sealed with it any more when somebody looked
)

const layoutField = "layout"

// Seals reads the record.
func (l *Ledger) Seals(ctx context.Context) (Seals, error) {
	m, err := l.rdb.HGetAll(ctx, l.key(keySeals)).Result()
	if err != nil {
		return Seals{}, fmt.Errorf("read how documents are sealed: %w", err)
	}
	return sealsOf(m), nil
}

func sealsOf(m map[string]string) Seals {
	s := Seals{Keys: make(map[string]KeyState, len(m))}
	for field, value := range m {
		if field == layoutField {
			s.Layout, _ = strconv.Atoi(value)
		} else {
			s.Keys[field] = KeyState(value)
		}
	}
	return s
}

// active lists the ids that every process needs, in order.
func (s Seals) active() []string {
	ids := slices.Sorted(maps.Keys(s.Keys))
	return slices.DeleteFunc(ids, func(id string) bool { return s.Keys[id] != KeyActive })
}

// Missing lists the active keys that a process does not hold.
func (s Seals) Missing(b *Bodies) []string {
	held := b.KeyIDs()
	return slices.DeleteFunc(s.active(), func(id string) bool { return slices.Contains(held, id) })
}

// declared reports that the record says what a process seals with, and that it may seal here.
func (s Seals) declared(b *Bodies) bool {
	held := b.KeyIDs()
	if len(held) == 0 {
		return s.Layout > 0 && len(s.active()) == 0
	}
	return s.Layout >= sealedEncrypted && s.Keys[held[0]] == KeyActive
}

// Elsewhere reports that a document which this process could not open may well be opened by another
// one: it was sealed with a key of the pool that this process has not got, or by a newer build. If
// not, the document is damaged: it names a key, or a layout, that nobody ever sealed with.
func (s Seals) Elsewhere(b *Bodies, err error) bool {
	if layout, ok := asLayout(err); ok {
		return layout <= s.Layout
	}
	key, ok := asKey(err)
	switch {
	case !ok:
		return false
	case key.Key != "":
		return s.Keys[key.Key] != ""
	}
	// It does not name its key. That of an older build is one of those on record, because Declare
	// tries what is there already.
	return len(b.keys) == 0 || len(s.active()) == 0 || len(s.Missing(b)) > 0
}

// SealError refuses a process that would seal documents otherwise than its pool, or could not open
// what the pool holds.
type SealError struct {
	Missing []string // ids of keys that the pool uses and this process has not got; none: not known which
	Held    []string // ids that it has
	Waiting int64    // about how many documents were sealed with the missing keys; 0: not counted
}

func (e *SealError) Error() string {
	var s strings.Builder
	s.WriteString("this pool encrypts stored documents")
	if len(e.Missing) > 0 {
		fmt.Fprintf(&s, " with key %s", strings.Join(e.Missing, ", "))
	}
	if e.Waiting > 0 {
		fmt.Fprintf(&s, " (about %d of them are kept)", e.Waiting)
	}
	if len(e.Held) == 0 {
		s.WriteString(", and storage.key_file is not set here: name the same file as the other processes")
		return s.String()
	}
	fmt.Fprintf(&s, ", and storage.key_file here has %s: add the pool's key to the list (the first key seals, all of them open)", strings.Join(e.Held, ", "))
	return s.String()
}

// Declare says, before anything is sealed, what a process seals with, and refuses it with a
// [*SealError] when the pool uses a key that it has not got. The first key of a plain pool is simply
// recorded: what is plain stays readable. A key that nothing is sealed with any more is retired on
// the way, if this process holds another one of the pool's.
func (l *Ledger) Declare(ctx context.Context, b *Bodies) error {
	seals, err := l.Seals(ctx)
	if err != nil {
		return err
	}
	missing := seals.Missing(b)
	if len(missing) > 0 {
		if err := l.unused(ctx, b, seals, missing); err != nil {
			return err
		}
	}
	if seals.Layout == 0 {
		if err := l.openOlder(ctx, b); err != nil {
			return err
		}
	}
	layout, first, held := sealedPlain, "", b.KeyIDs()
	if len(held) > 0 {
		layout, first = sealedEncrypted, held[0]
	}
	r, err := l.run(ctx, declareScript, l.args(layout, first, strings.Join(held, ","), strings.Join(missing, ",")))
	if err != nil {
		return fmt.Errorf("record how documents are sealed: %w", err)
	}
	if number(cell(r, 0)) == 0 { // another process declared in between
		if seals, err = l.Seals(ctx); err != nil {
			return err
		}
		return &SealError{Missing: seals.Missing(b), Held: held}
	}
	return nil
}

// unused proves that a process need not have the keys that it has not got, or refuses it.
func (l *Ledger) unused(ctx context.Context, b *Bodies, seals Seals, missing []string) error {
	refused := &SealError{Missing: missing, Held: b.KeyIDs()}
	if len(missing) == len(seals.active()) {
		return refused // it holds none of the pool's keys: nothing shows that it belongs here
	}
	tally, err := l.SealTally(ctx)
	if err != nil {
		return err
	}
	for _, id := range missing {
		refused.Waiting += tally[id]
	}
	if refused.Waiting > 0 {
		return refused
	}
	return nil
}
