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

// NoteArchive records that an archive is used. If the archive is found empty later, the record
// shows that something is missing.
func (hs *HomeStore) NoteArchive(ctx context.Context, url string) error {
	if err := hs.rdb.SAdd(ctx, hs.key(keyArchives), url).Err(); err != nil {
		return fmt.Errorf("note that an archive is used: %w", err)
	}
	return nil
}
