package audit

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// SickError says that the key of the log holds what the log did not write. Until a person has
// repaired the key, every action is refused, because no action may go unrecorded.
type SickError struct {
	Key string // with the prefix
	Err error
}

func (e *SickError) Error() string {
	return fmt.Sprintf("the key %s was written by another program, so nothing that a person does can be recorded, and nothing is done: "+
		"find out which program wrote it, then restore the key from a backup of Redis, or rename it away: the log then begins again", e.Key)
}

// Unwrap returns Err.
func (e *SickError) Unwrap() error { return e.Err }

// sickOr returns a [*SickError] in place of Redis's error about a key of another type, which names
// no key.
func (l *Log) sickOr(err error) error {
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return &SickError{l.key, err}
	}
	return err
}
