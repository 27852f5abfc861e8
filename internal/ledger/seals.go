package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ksefworker/internal/plural"
)

// Seals is the record of how the stored documents of this ledger are sealed, for every process of
// the pool. The id of a key is recorded before the first document is sealed with the key, so every
// key that was ever used is on record. An id is never removed; only its state changes.
type Seals struct {
	Layout int                 // the newest that a process of this pool seals with; 0: no process has declared one
	Keys   map[string]KeyState // by id
}

// KeyState says whether the pool still needs a storage key.
type KeyState string

// The states of a storage key.
const (
	KeyActive  KeyState = "active"  // every process of the pool needs it
	KeyRetired KeyState = "retired" // nothing was sealed with it when this was last checked
)

const layoutField = "layout"

// SealStore knows with which keys documents and texts are sealed, and seals texts again with a new
// key.
type SealStore struct {
	*store
	refusals *RefusalStore
	bodies   *BodyStore
}

// Seals reads the record.
func (ss *SealStore) Seals(ctx context.Context) (Seals, error) {
	m, err := ss.rdb.HGetAll(ctx, ss.key(keySeals)).Result()
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

// Missing lists the ids of active keys that b does not have.
func (s Seals) Missing(b *Bodies) []string {
	held := b.KeyIDs()
	return slices.DeleteFunc(s.active(), func(id string) bool { return slices.Contains(held, id) })
}

// declared reports whether the record already has the layout and the first key with which a process
// with b seals. If so, the process may seal. dense says that the process seals in layouts 6 to 9.
func (s Seals) declared(b *Bodies, dense bool) bool {
	held := b.KeyIDs()
	if s.Layout < layoutOf(len(held) > 0, dense) {
		return false
	}
	if len(held) == 0 {
		return len(s.active()) == 0
	}
	return s.Keys[held[0]] == KeyActive
}

// layoutOf is the newest layout in which a process seals.
func layoutOf(keyed, dense bool) int {
	switch {
	case keyed && dense:
		return sealedEncryptedZstd
	case dense:
		return sealedPlainZstd
	case keyed:
		return sealedEncryptedDict
	}
	return sealedPlainDict
}

// Elsewhere reports whether another process may be able to open a document that this one could not
// open. Then the document was sealed by a newer build, or with a key of the pool that this process
// lacks. Otherwise the document is damaged. For example, it names a key or a layout with which no
// process ever sealed. err is the error of [Bodies.Open].
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
	// The document does not name its key, so an older build sealed it. That key is on record,
	// because Declare tries the documents that are already there.
	return len(b.keys) == 0 || len(s.active()) == 0 || len(s.Missing(b)) > 0
}

// SealError says that a process must not work with this pool. The process would seal documents in
// another way, or it lacks a key for those that are stored.
type SealError struct {
	Missing []string // ids of keys that the pool uses and this process lacks; none: they are unknown
	Held    []string // ids of keys that it has
	Waiting int64    // about how many documents and texts are sealed with the missing keys; 0: not counted
}

func (e *SealError) Error() string {
	var s strings.Builder
	s.WriteString("this pool encrypts stored documents")
	if len(e.Missing) > 0 {
		fmt.Fprintf(&s, " with key %s", strings.Join(e.Missing, ", "))
	}
	if e.Waiting > 0 {
		fmt.Fprintf(&s, " (about %s sealed with it)", plural.Of(e.Waiting, "document or text is", "documents and texts are"))
	}
	if len(e.Held) == 0 {
		s.WriteString(", and storage.key_file is not set here: name the same file as the other processes")
		return s.String()
	}
	fmt.Fprintf(&s, ", and storage.key_file here has %s: add the pool's key to the list (the first key seals, all of them open)",
		strings.Join(e.Held, ", "))
	return s.String()
}

// Declare records what a process seals with, before it seals anything. It returns a [*SealError] if
// the pool uses a key that the process does not have. If the pool had no key so far, the first key
// is simply recorded, because unencrypted documents stay readable. If the process lacks a key with
// which nothing is sealed any more, and has another key of the pool, Declare retires the missing
// key.
func (ss *SealStore) Declare(ctx context.Context, b *Bodies) error {
	seals, err := ss.Seals(ctx)
	if err != nil {
		return err
	}
	missing := seals.Missing(b)
	if len(missing) > 0 {
		if err := ss.unused(ctx, b, seals, missing); err != nil {
			return err
		}
	}
	if seals.Layout == 0 {
		if err := ss.openOlder(ctx, b); err != nil {
			return err
		}
	}
	first, held := "", b.KeyIDs()
	if len(held) > 0 {
		first = held[0]
	}
	layout := layoutOf(len(held) > 0, ss.EverybodyReads(ctx, FormatPacked))
	r, err := ss.run(ctx, declareScript, ss.args(layout, first, strings.Join(held, ","), strings.Join(missing, ",")))
	if err != nil {
		return fmt.Errorf("record how documents are sealed: %w", err)
	}
	if number(cell(r, 0)) == 0 { // another process has declared in between
		if seals, err = ss.Seals(ctx); err != nil {
			return err
		}
		return &SealError{Missing: seals.Missing(b), Held: held}
	}
	return nil
}

// unused returns nil if nothing that is stored needs the missing keys, else a [*SealError].
func (ss *SealStore) unused(ctx context.Context, b *Bodies, seals Seals, missing []string) error {
	refused := &SealError{Missing: missing, Held: b.KeyIDs()}
	if len(missing) == len(seals.active()) {
		return refused // it lacks every key of the pool, so it may belong elsewhere
	}
	tally, err := ss.SealTally(ctx)
	if err != nil {
		return err
	}
	for _, id := range missing {
		refused.Waiting += tally.Needs(id)
	}
	if refused.Waiting > 0 {
		return refused
	}
	return nil
}
