package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// FormatStatus is how far a ledger has come on its way to a newer format.
type FormatStatus struct {
	Format int // of the ledger; a program must know it to use the ledger
	Writes int // the newest that is written
	Next   int // the format that follows; 0: none
	// Since is when every process began to read Next. When the field Format already equals Next,
	// Since is when earlier builds began to be refused.
	Since time.Time
	// Behind names processes that are alive and do not read the newest format of this build. They
	// are not looked for once that format is written.
	Behind []string
	// Changed says that this call made a step.
	Changed bool
}

// maxSteps bounds the steps of one call of Advance. If after is 0, one call makes all steps.
const maxSteps = 4

// Advance leads the ledger towards the newest format that every living process reads, one or more
// steps at a time. The sweep calls it. Home.step describes the two steps. after is the delay before
// each of them. Other processes are known to be alive only by their heartbeats. The caller's own
// process counts as alive without a heartbeat.
func (fs *FormatStore) Advance(ctx context.Context, after time.Duration) (FormatStatus, error) {
	var s FormatStatus
	for range maxSteps {
		at, raw, err := fs.home.home(ctx)
		if err != nil || raw == "" {
			return s, err
		}
		s.Format, s.Writes, s.Next, s.Since = at.V, at.writes(), at.Next, at.Since.Time()
		if at.writes() >= Format {
			return s, nil
		}
		reads := Format
		if s.Behind, reads, err = fs.behind(ctx); err != nil {
			return s, err
		}
		now, err := fs.Clock(ctx)
		if err != nil {
			return s, err
		}
		then := at.step(reads, At(now), after)
		if then == at {
			return s, nil
		}
		is, _, err := fs.home.writeHome(ctx, then, raw)
		if err != nil {
			return s, err
		}
		s.Changed = s.Changed || is == then
	}
	return s, nil
}

// behind returns the names of living processes that do not read the newest format of this build,
// and the newest format that all of them read. Builds of the first format wrote no list of living
// processes, so behind goes through all keys. behind is no longer called once the newest format is
// written.
func (fs *FormatStore) behind(ctx context.Context) (names []string, reads int, err error) {
	reads = Format
	match := globText(fs.key(keyWorker)) + "*"
	for cursor := uint64(0); ; {
		keys, next, err := fs.rdb.Scan(ctx, cursor, match, purgePage).Result()
		if err != nil {
			return nil, 0, fmt.Errorf("look for living processes: %w", err)
		}
		values := make([]*redis.StringCmd, len(keys))
		if err := fs.pipe(ctx, func(p redis.Pipeliner) {
			for i, key := range keys {
				values[i] = p.Get(ctx, key)
			}
		}); err != nil {
			return nil, 0, fmt.Errorf("ask which format processes read: %w", err)
		}
		for i, key := range keys {
			if errors.Is(values[i].Err(), redis.Nil) {
				continue // it has just stopped
			}
			if format := formatOfBeat(values[i].Val()); format < Format {
				names, reads = append(names, strings.TrimPrefix(key, fs.key(keyWorker))), min(reads, format)
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	slices.Sort(names)
	return slices.Compact(names), reads, nil
}

// formatOfBeat returns the format that a process reads. The value of a heartbeat has the time and
// behind it the format. Builds of the first format write the time alone. Any other value counts as
// the first format.
func formatOfBeat(value string) int {
	_, text, ok := strings.Cut(value, " ")
	format, err := strconv.Atoi(text)
	if !ok || err != nil {
		return FormatKeys
	}
	return max(format, FormatKeys)
}
