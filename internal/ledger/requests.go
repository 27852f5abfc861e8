package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// requestKept is how long a key of a call is remembered.
const requestKept = 24 * time.Hour

// NoteRequest remembers for a day that a sender gave this key to a call, and the fingerprint of the
// call. It returns true when the key is new, or when the earlier call with this key had the same
// fingerprint. The answer to the call is not kept, because the sender can safely hand in the same
// documents again to see how they stand. When Redis has no memory for the key, the error is a
// [*FullError].
func (ts *TakeStore) NoteRequest(ctx context.Context, sender, key string, fingerprint [sha256.Size]byte) (bool, error) {
	sum := sha256.Sum256([]byte(sender + "\x00" + key))
	name, value := ts.key(keyRequest, idEncoding.EncodeToString(sum[:20])), base64.StdEncoding.EncodeToString(fingerprint[:])
	// A key that expires between the two commands is tried once more.
	for range 2 {
		written, err := ts.rdb.SetNX(ctx, name, value, requestKept).Result()
		if IsFull(err) {
			return false, &FullError{}
		}
		if err != nil {
			return false, fmt.Errorf("remember the key of a call: %w", err)
		}
		if written {
			return true, nil
		}
		had, err := ts.rdb.Get(ctx, name).Result()
		if err == nil {
			return had == value, nil
		}
		if !errors.Is(err, redis.Nil) {
			return false, fmt.Errorf("read the key of a call: %w", sickOr(err, strings.TrimPrefix(name, ts.prefix)))
		}
	}
	return true, nil
}
