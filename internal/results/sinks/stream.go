package sinks

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// Stream writes each result to a Redis stream, for consumer groups. The stream is bounded by length
// and age, even when a group has not read all of it.
type Stream struct {
	Redis  redis.UniversalClient
	Key    string
	Length int64         // about how many results it keeps
	Keep   time.Duration // how long it keeps them
	Clock  Clock

	mu      sync.Mutex
	trimmed time.Time
}

// Deliver implements [Sink]. It writes the results in one transaction, so an error concerns all of
// them. When Redis is full, the results wait as for any receiver that takes nothing.
func (s *Stream) Deliver(ctx context.Context, messages []Message) []error {
	trim := s.due()
	var oldest string
	var sure bool
	if trim {
		oldest, sure, _ = s.oldest(ctx) // an error of Redis is reported by the transaction below
	}
	cmds, err := s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i := range messages {
			m := &messages[i]
			p.XAdd(ctx, &redis.XAddArgs{Stream: s.Key, MaxLen: s.Length, Approx: true, Values: []any{
				"id", m.ID, "revision", strconv.FormatInt(m.Revision, 10), "state", m.State, "tenant", m.Tenant, "result", m.JSON,
			}})
		}
		if trim && sure {
			p.XTrimMinIDApprox(ctx, s.Key, oldest, 0)
		}
		return nil
	})
	err = reasonOf(cmds, err)
	if ledger.IsFull(err) {
		err = fmt.Errorf("redis is full (maxmemory), results wait until it has room: %w", err)
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		err = fmt.Errorf("the key %s was written by another program: find out which, then delete the key: %w", s.Key, err)
	}
	if err != nil {
		return all(len(messages), &OutageError{Unreached: true, Err: err})
	}
	return make([]error, len(messages))
}

// Trim implements [Trimmer]. Deliver drops old results only approximately, and only while results
// come. Trim drops exactly those that are too old, even when no results come.
func (s *Stream) Trim(ctx context.Context) error {
	oldest, sure, err := s.oldest(ctx)
	if err == nil && sure {
		err = s.Redis.XTrimMinID(ctx, s.Key, oldest).Err()
	}
	if err != nil {
		return fmt.Errorf("trim the stream of results: %w", err)
	}
	return nil
}

// oldest returns the lowest place of a result that is not too old. With sure false, nobody can say
// now what is too old, because this machine's clock and Redis's differ.
func (s *Stream) oldest(ctx context.Context) (place string, sure bool, err error) {
	now, agreed, err := s.Clock.Read(ctx)
	return strconv.FormatInt(now.Add(-s.Keep).UnixMilli(), 10), agreed, err
}

// reasonOf returns why a transaction was refused. The answer to EXEC says only that a command of
// the transaction was refused. The answer to that command has the reason.
func reasonOf(cmds []redis.Cmder, err error) error {
	if !redis.IsExecAbortError(err) {
		return err
	}
	for _, cmd := range cmds {
		if refused := cmd.Err(); refused != nil && !redis.IsExecAbortError(refused) {
			return refused
		}
	}
	return err
}

// due reports once a minute that old results are to be dropped.
func (s *Stream) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.machine()
	if now.Sub(s.trimmed) < time.Minute {
		return false
	}
	s.trimmed = now
	return true
}
