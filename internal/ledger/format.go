package ledger

import (
	"fmt"
	"time"
)

// The format of a ledger is what a program must know to read all of it. A layout of one entry
// (Version) is not enough. For example, a program that knows nothing of buckets would overlook an
// invoice in one and take it in again. So the home of a ledger says which format the ledger has. A
// program that does not know the format refuses the ledger.
//
// A new format is written only when every process of the pool reads it; see [FormatStore].
const (
	// FormatKeys is the first format. Each invoice and each identity has a key of its own.
	FormatKeys = 1
	// FormatBuckets has receipted invoices and their identities in buckets (final_bucket.go).
	FormatBuckets = 2

	// FormatPacked has entries of new invoices packed (new_entry.go) and their documents in layouts
	// 6 to 9 (bodies.go).
	FormatPacked = 3

	// Format is the newest format that this build reads. Each heartbeat names it.
	Format = FormatPacked
)

// FormatError says that a newer build writes the ledger in a format that this build does not know.
// The program must not use the ledger.
type FormatError struct {
	Format int // of the ledger
	Reads  int // the newest that this build reads
	Prefix string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("the ledger under %s has format %d, and this build reads formats up to %d: "+
		"a newer build writes the ledger, and this build would not find all that is there; update this program to the version of the other processes",
		e.Prefix, e.Format, e.Reads)
}

// Unwrap returns [ErrNewer].
func (e *FormatError) Unwrap() error { return ErrNewer }

// writes is the newest format that may be written.
func (h Home) writes() int { return max(h.Writes, FormatKeys) }

// step returns the home after the next step towards a newer format, or h itself when nothing is to
// be done now. reads is the newest format that every living process reads. after is the delay
// before each of the two steps:
//
//  1. Every process has read the next format for so long that nobody goes back to the earlier
//     build. Then this format becomes the format of the ledger, and earlier builds refuse the
//     ledger.
//  2. The first step was so long ago that every program of an earlier build has ended. (Some
//     programs, such as enqueue submit, send no heartbeat.) Then the format is written.
func (h Home) step(reads int, now Millis, after time.Duration) Home {
	passed := h.Since != 0 && int64(now-h.Since) >= after.Milliseconds()
	switch {
	case h.Purging:
		return h
	case h.V > h.writes():
		if reads >= h.V && passed {
			h.Writes, h.Next, h.Since = h.V, 0, 0
		}
	case reads <= h.V:
		h.Next, h.Since = 0, 0 // a process has come that does not read the next format
	case h.Next != reads:
		h.Next, h.Since = reads, now
	case passed:
		h.V, h.Writes, h.Since = h.Next, h.writes(), now
	}
	return h
}

// first returns the home of a ledger that has none yet. An empty ledger is written in the newest
// format at once. A ledger that has entries may be in use by processes that nobody knows of, so the
// newest format is written there only after the second step.
func (h Home) first(empty bool, now Millis) Home {
	h.V, h.Writes, h.Next, h.Since = Format, Format, 0, 0
	if !empty {
		h.Writes, h.Next, h.Since = FormatKeys, Format, now
	}
	return h
}

// sameFormat returns h with the format of the home o.
func (h Home) sameFormat(o Home) Home {
	h.V, h.Writes, h.Next, h.Since = o.V, o.Writes, o.Next, o.Since
	return h
}

// readableHome returns a [*FormatError] if this build does not know the format of a ledger.
func readableHome(st *store, h Home) error {
	if h.V > Format {
		return &FormatError{Format: h.V, Reads: Format, Prefix: st.prefix}
	}
	return nil
}

// FormatStore knows the format of a ledger. When every process of the pool reads a newer format, it
// leads the ledger to that format.
type FormatStore struct {
	*store
	home *HomeStore
}
