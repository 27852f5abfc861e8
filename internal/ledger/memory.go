package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Memory is how much memory Redis uses and may use, in bytes. Max is 0 if Redis has no bound or
// does not tell.
type Memory struct{ Used, Max int64 }

// Share returns Used as a part of Max; 0 without a bound. It is above 1 when Redis uses more than
// Max.
func (m Memory) Share() float64 {
	if m.Max <= 0 {
		return 0
	}
	return float64(m.Used) / float64(m.Max)
}

// String returns a text like "34.0 of 40.0 MB".
func (m Memory) String() string {
	const mb = 1e6
	if m.Max < 100*mb {
		return fmt.Sprintf("%.1f of %.1f MB", float64(m.Used)/mb, float64(m.Max)/mb)
	}
	return fmt.Sprintf("%.0f of %.0f MB", float64(m.Used)/mb, float64(m.Max)/mb)
}

// Memory asks Redis for its memory. If Redis refuses INFO, the result is the zero value.
func (ts *TakeStore) Memory(ctx context.Context) (Memory, error) {
	return memoryOf(ts.rdb.Info(ctx, "memory"))
}

func memoryOf(info *redis.StringCmd) (Memory, error) {
	text, err := info.Result()
	if _, answered := errors.AsType[redis.Error](err); answered {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, fmt.Errorf("ask redis for its memory: %w", err)
	}
	return Memory{Used: infoNumber(text, "used_memory"), Max: infoNumber(text, "maxmemory")}, nil
}

// infoNumber finds the number of one line in an answer to INFO. It returns 0 if there is no such
// line.
func infoNumber(info, name string) int64 {
	_, rest, found := strings.Cut(info, "\n"+name+":")
	if !found {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimRight(rest[:strings.IndexByte(rest+"\n", '\n')], "\r"), 10, 64)
	return n
}
