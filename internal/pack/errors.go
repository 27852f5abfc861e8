package pack

import (
	"errors"
	"fmt"
)

// ErrEmpty says that there was no entry. KSeF refuses an empty package.
var ErrEmpty = errors.New("package has no entries")

// FullError says which entry no longer fits. The entries before it fit into one package; this one
// and the rest need another.
type FullError struct {
	Name  string // the entry that does not fit
	Fits  int    // how many entries fit before this one; 0: this one does not fit even alone
	Unit  string // what ran out: "bytes" (of the archive, or of one entry) or "entries"
	Limit int64  // in Unit
}

func (e *FullError) Error() string {
	return fmt.Sprintf("entry %q does not fit: entries in the package: %d, limit: %d %s", e.Name, e.Fits, e.Limit, e.Unit)
}

// SpoolError says that the spool folder cannot be written, for example because its disk is full.
// The fault lies in this machine, and the entries may be sound.
type SpoolError struct{ Err error }

func (e *SpoolError) Error() string { return e.Err.Error() }

// Unwrap returns the system's error.
func (e *SpoolError) Unwrap() error { return e.Err }

func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return &SpoolError{err}
}

// NameError says which entry has a name that is refused, and why.
type NameError struct {
	Name   string
	Index  int // 0 for the first entry
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("entry %d has a bad name %q: %s", e.Index, e.Name, e.Reason)
}
