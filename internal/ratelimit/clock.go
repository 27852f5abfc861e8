package ratelimit

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The store's clock keeps the highest instant that it has seen. When its key is missing or damaged,
// only the logs still show how far it had come. The present Redis may have a clock that is hours
// behind, and with that clock the windows would look empty although the logs are full. So scripts
// change a log or a circuit only if the key is there (lua/log.lua). A process that finds the key
// missing reads the newest instant of all logs, and starts the clock by that instant (see
// bookedAhead).

const (
	// clockGone is part of the error of log.lua about a clock without a key.
	clockGone = "the clock of the limits has no key"
	// bookedAhead is how far ahead of the clock requests are booked at most. It is the longest time
	// that callers let the limiter sleep. So before its key was lost, the clock had reached at
	// least the newest instant minus bookedAhead. The clock starts there, or at Redis's own time if
	// that is later. A later start would free windows early. The clock may start too early by up to
	// bookedAhead. Such a start overruns no window that is longer than bookedAhead, because a
	// booking counts what is booked before and after it.
	bookedAhead = 30 * time.Second
	// startTime bounds the reading of all logs, which takes seconds where there are millions of
	// keys.
	startTime = time.Minute
	scanPage  = 1000
)

func isClockGone(err error) bool { return err != nil && strings.Contains(err.Error(), clockGone) }

// startClock starts the clock. Callers at the same time share one reading of the logs, which goes
// on when a caller gives up.
func (s *Redis) startClock(ctx context.Context) error {
	done := s.starts.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
		defer cancel()
		newest, err := s.newest(ctx)
		if err != nil {
			return nil, err
		}
		return nil, s.start.Run(ctx, s.client, []string{s.now()}, newest-bookedAhead.Microseconds()).Err()
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case answer := <-done:
		if answer.Err != nil {
			return fmt.Errorf("start the clock of the limits: %w", answer.Err)
		}
		return nil
	}
}

// newest returns the newest instant in any log, in microseconds; 0 when there is none. A key that
// does not hold a log is left out.
func (s *Redis) newest(ctx context.Context) (int64, error) {
	newest := int64(0)
	for cursor := uint64(0); ; {
		keys, next, err := s.client.Scan(ctx, cursor, literal.Replace(s.prefix)+"rate:*", scanPage).Result()
		if err != nil {
			return 0, err
		}
		if len(keys) > 0 {
			heads, tails := make([]*redis.StringCmd, len(keys)), make([]*redis.StringCmd, len(keys))
			_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for i, key := range keys {
					heads[i], tails[i] = p.GetRange(ctx, key, 0, logHead-1), p.GetRange(ctx, key, -logRecord, -1)
				}
				return nil
			})
			if err != nil && !wrongType(err) {
				return 0, err
			}
			for i := range keys {
				newest = max(newest, lastInstant(heads[i].Val(), tails[i].Val()))
			}
		}
		if cursor = next; cursor == 0 {
			return newest, nil
		}
	}
}

// lastInstant returns the instant in the last record of a log. It returns 0 if there is no such
// record, or if the key is not a log.
func lastInstant(head, tail string) int64 {
	if len(head) < logHead || head[0] != 1 || len(tail) < logRecord || strings.HasSuffix(head, tail) {
		return 0
	}
	return int64(binary.BigEndian.Uint64([]byte(tail)) >> 8) //nolint:gosec // 56 bits
}

// literal escapes a text, so that as a pattern of Redis it matches only itself.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
