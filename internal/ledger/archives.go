package ledger

import (
	"context"
	"fmt"
)

// ArchiveUsed reports whether an archive was noted by [Ledger.NoteArchive].
func (hs *HomeStore) ArchiveUsed(ctx context.Context, url string) (bool, error) {
	used, err := hs.rdb.SIsMember(ctx, hs.key(keyArchives), url).Result()
	if err != nil {
		return false, fmt.Errorf("read which archives were used: %w", err)
	}
	return used, nil
}

// NoteArchive notes that an archive is used, so that it is missed when it is empty one day.
func (hs *HomeStore) NoteArchive(ctx context.Context, url string) error {
	if err := hs.rdb.SAdd(ctx, hs.key(keyArchives), url).Err(); err != nil {
		return fmt.Errorf("note that an archive is used: %w", err)
	}
	return nil
}
