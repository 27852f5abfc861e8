package sinks

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stream writes each result to a Redis stream, for consumer groups. The stream is bounded by length
// and age, even when a group has not read all of it.
type Stream struct {
	Redis  redis.UniversalClient
	Key    string
	Length int64         // about how many results it keeps
	Keep   time.Duration // how long it keeps them
	Now    func() time.Time

	mu      sync.Mutex
	trimmed time.Time
}

// Deliver implements [Sink]. It writes the results in one transaction, so an error concerns all of
// them. When Redis is full, the results wait as for any receiver that takes nothing.
func (s *Stream) Deliver(ctx context.Context, messages []Message) []error {
	now := s.Now()
	_, err := s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i := range messages {
			m := &messages[i]
			p.XAdd(ctx, &redis.XAddArgs{Stream: s.Key, MaxLen: s.Length, Approx: true, Values: []any{
				"id", m.ID, "revision", strconv.FormatInt(m.Revision, 10), "state", m.State, "tenant", m.Tenant, "result", m.JSON,
			}})
		}
		if s.due(now) {
			p.XTrimMinIDApprox(ctx, s.Key, s.oldest(now), 0)
		}
		return nil
	})
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		err = fmt.Errorf("the key %s was written by another program: find out which, then delete the key: %w", s.Key, err)
	}
	if err != nil {
		return all(len(messages), &OutageError{Err: err})
	}
	return make([]error, len(messages))
}

// Trim implements [Trimmer]. Deliver drops old results only approximately, and only while results
// come. Trim drops exactly those that are too old, also when no results come.
func (s *Stream) Trim(ctx context.Context) error {
	if err := s.Redis.XTrimMinID(ctx, s.Key, s.oldest(s.Now())).Err(); err != nil {
		return fmt.Errorf("trim the stream of results: %w", err)
	}
	return nil
}

func (s *Stream) oldest(now time.Time) string {
	return strconv.FormatInt(now.Add(-s.Keep).UnixMilli(), 10)
}

// due reports once a minute that old results are to be dropped.
func (s *Stream) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.trimmed) < time.Minute {
		return false
	}
	s.trimmed = now
	return true
}
