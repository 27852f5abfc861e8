package ledger

import (
	"context"
	"fmt"
)

// ArchiveUsed reports whether an archive was noted by [Ledger.NoteArchive].
func (l *Ledger) ArchiveUsed(ctx context.Context, url string) (bool, error) {
	used, err := l.rdb.SIsMember(ctx, l.key(keyArchives), url).Result()
	if err != nil {
		return false, fmt.Errorf("read which archives were used: %w", err)
	}
	return used, nil
}

// NoteArchive notes that an archive is used, so that it is missed when it is empty one day.
func (l *Ledger) NoteArchive(ctx context.Context, url string) error {
	if err := l.rdb.SAdd(ctx, l.key(keyArchives), url).Err(); err != nil {
		return fmt.Errorf("note that an archive is used: %w", err)
	}
	return nil
}
