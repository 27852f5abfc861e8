package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
)

// An entry that this build cannot read is called newer only if a newer build can really have
// written it. Everything else is damaged. Both are left alone, but a newer entry only has to wait
// for the end of an update, and a damaged one waits for a person. If a damaged entry were called
// newer, nobody would look at it, and what the archive has of it would not be shown.
//
// So every later build MUST keep these promises:
//   - The layout of an entry is a number of at most [newestVersion]. The layout of a value in a
//     bucket is at most newestFrozen.
//   - An entry has a state and a revision in the fields that scripts read (lua/entries.lua). A
//     state is a word of small letters. A revision is a number as Redis writes it.
//   - If JSON facts have an id, it is the id of the entry.
//   - A value in a bucket begins with its layout, and then has the same parts as now, up to the
//     heads.

// newestVersion is the newest layout that an entry may ever have. It leaves room for many builds.
// Which of them the pool runs is not on record.
const newestVersion = 32

var stateForm = regexp.MustCompile(`^[a-z][a-z_]{1,31}$`)

// keptByEveryLayout reports whether the state and the revision of an entry have the form that they
// have in every layout.
func keptByEveryLayout(state, rev string) bool {
	n, err := strconv.ParseInt(rev, 10, 64)
	return err == nil && n > 0 && countable(rev, n) == nil && stateForm.MatchString(state)
}

// sound returns nil if an entry can be used, and otherwise why not. It checks the version first,
// because a newer entry may also have other fields. An unknown state comes from a newer build.
// kept says that the entry has all that every layout keeps.
func sound(version int, parsed error, whole, known, kept bool) error {
	switch {
	case version > newestVersion:
		return fmt.Errorf("%w: no version uses its layout number", errDamaged)
	case version > Version && !kept:
		return fmt.Errorf("%w: it has layout %d, and its state, revision or id has a form that no layout uses", errDamaged, version)
	case version > Version:
		return fmt.Errorf("%w: layout %d, this build knows %d", ErrNewer, version, Version)
	case parsed != nil:
		return parsed
	case version < 1 || !whole:
		return fmt.Errorf("%w: its version, id, state or revision is missing", errDamaged)
	case !known && !kept:
		return fmt.Errorf("%w: its state is not a word", errDamaged)
	case !known:
		return fmt.Errorf("%w: its state is not known here", ErrNewer)
	}
	return nil
}

// ofAnother returns an error if an entry has the facts of another invoice. An id is made of the
// identity of its invoice and the hash of the document. An id of another form cannot be checked,
// and neither can an invoice that was recovered, because its hash may be that of KSeF's bytes.
func ofAnother(id string, inv *Invoice) error {
	if inv.Recovered || inv.Hash == "" || !inBuckets(id) || inv.IDWith(inv.Hash) == id {
		return nil
	}
	return errOfAnother
}

var errOfAnother = fmt.Errorf("%w: it has the seller, kind, number or hash of another invoice", errDamaged)

// ofIdentity is like ofAnother for an entry of which only the digest of its identity is known. raw
// is that digest in bytes.
func ofIdentity(id, raw, hash string) error {
	sum, err := base64.StdEncoding.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size || !inBuckets(id) || idMadeOf(idEncoding.EncodeToString([]byte(raw)), sum) == id {
		return nil
	}
	return errOfAnother
}
