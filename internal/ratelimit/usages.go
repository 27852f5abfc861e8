package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// usagesAtOnce is how many logs one command reads. Such a command occupies Redis for about a
// millisecond.
const usagesAtOnce = 1000

// Usages counts the use of many keys, as [Redis.Usage] does for one key. It takes one round trip,
// with one command for each thousand keys. If any key is frozen, a second round trip follows. Two
// kinds of keys are left out: keys without a log, which are neither in use nor frozen, and keys
// whose log cannot be read. Waitlists are not counted (see [Redis.Waitlisted]). limits returns the
// windows to count for a key. If limits is nil, only freezes are reported.
func (s *Redis) Usages(ctx context.Context, keys []Key, limits func(Key) Limits) (map[Key]Usage, error) {
	var logs []*redis.SliceCmd
	var clock *redis.TimeCmd
	var kept *redis.StringCmd
	pipe := s.client.Pipeline()
	if s.clock == nil {
		clock, kept = pipe.Time(ctx), pipe.Get(ctx, s.prefix+"rate-clock")
	}
	for some := range slices.Chunk(keys, usagesAtOnce) {
		names := make([]string, len(some))
		for i, k := range some {
			names[i] = s.key(k)
		}
		logs = append(logs, pipe.MGet(ctx, names...))
	}
	// The error of the pipeline is ignored, because the clock's key may be missing or of another
	// type. The other answers are checked one by one.
	_, _ = pipe.Exec(ctx)
	now, err := s.clocked(clock, kept)
	if err != nil {
		return nil, fmt.Errorf("count usage of keys (%d): %w", len(keys), err)
	}
	out := map[Key]Usage{}
	for i, some := range slices.Collect(slices.Chunk(keys, usagesAtOnce)) {
		found, err := logs[i].Result()
		if err != nil {
			return nil, fmt.Errorf("count usage of keys (%d): %w", len(keys), err)
		}
		for j, v := range found {
			packed, there := v.(string)
			if !there {
				continue
			}
			// A key whose log cannot be read is left out, so that the others are still counted.
			// Callers that book on the key get the error.
			if u, err := bookLog(packed).usage(now, limits, some[j]); err == nil {
				out[some[j]] = u
			}
		}
	}
	return out, s.causes(ctx, out)
}

// causes sets the cause in the usages of frozen keys. Frozen keys are rare, so this is a round trip
// of its own, made only when there are any.
func (s *Redis) causes(ctx context.Context, of map[Key]Usage) error {
	var frozen []Key
	var names []string
	for k, u := range of {
		if u.Frozen > 0 {
			frozen, names = append(frozen, k), append(names, s.key(k)+":why")
		}
	}
	if len(frozen) == 0 {
		return nil
	}
	found, err := s.client.MGet(ctx, names...).Result()
	if err != nil {
		return fmt.Errorf("read why keys are frozen (%d): %w", len(frozen), err)
	}
	for i, k := range frozen {
		text, _ := found[i].(string)
		till, word, _ := strings.Cut(text, " ")
		if u := of[k]; till == strconv.FormatInt(u.FrozenUntil.UnixMicro(), 10) && slices.Contains(causes, Cause(word)) {
			u.Cause = Cause(word)
			of[k] = u
		}
	}
	return nil
}

var keptClock = regexp.MustCompile(`^(\d+) (\d+)$`)

// clocked returns the instant that the scripts' clock shows (log.lua).
func (s *Redis) clocked(clock *redis.TimeCmd, kept *redis.StringCmd) (int64, error) {
	if s.clock != nil {
		return s.clock().UnixMicro(), nil
	}
	t, err := clock.Result()
	if err != nil {
		return 0, err
	}
	now := t.UnixMicro()
	if m := keptClock.FindStringSubmatch(kept.Val()); m != nil {
		bound, _ := strconv.ParseInt(m[1], 10, 64)
		offset, _ := strconv.ParseInt(m[2], 10, 64)
		const ahead = 1000
		if now += offset; now < bound-ahead {
			now = bound
		}
	}
	return now, nil
}

// bookLog is the log of one key as log.lua writes it.
type bookLog string

const logHead, logRecord = 16, 8

func (l bookLog) number(at int) (n int64) {
	for i := range 7 {
		n = n<<8 | int64(l[at+i])
	}
	return n
}

func (l bookLog) instant(i int) int64 { return l.number(logHead + i*logRecord) }

func (l bookLog) usage(now int64, limits func(Key) Limits, k Key) (u Usage, err error) {
	if len(l) < logHead || l[0] != 1 || (len(l)-logHead)%logRecord != 0 {
		return u, errors.New("its log was written by another version")
	}
	if frozen := l.number(1); frozen > now {
		u.Frozen, u.FrozenUntil = time.Duration(frozen-now)*time.Microsecond, time.UnixMicro(frozen)
	}
	if limits == nil {
		return u, nil
	}
	count := (len(l) - logHead) / logRecord
	from := func(t int64) int { return sort.Search(count, func(i int) bool { return l.instant(i) >= t }) }
	u.Ahead = count - from(now+1)
	for _, w := range limits(k) {
		oldest, age := from(now-wholeMicros(w.Per).Microseconds()), int64(0)
		if oldest < count {
			age = now - l.instant(oldest)
		}
		u.Windows = append(u.Windows, w.usage(count-oldest, time.Duration(age)*time.Microsecond))
	}
	return u, nil
}

// waitlistsAtOnce is how many keys Waitlisted checks for a waitlist with one command.
const waitlistsAtOnce = 20

// Waitlisted counts the tickets on the waitlists of keys. Few keys have a waitlist, so it first
// checks twenty keys with each command. In each group of twenty in which there is a waitlist, it
// then counts the waitlists, with two commands for each key. That is at most two round trips.
func (s *Redis) Waitlisted(ctx context.Context, keys []Key) (map[Key]int, error) {
	some := slices.Collect(slices.Chunk(keys, waitlistsAtOnce))
	there := make([]*redis.IntCmd, len(some))
	if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, keys := range some {
			var names []string
			for _, k := range keys {
				for _, name := range waitlistNames {
					order, _ := s.waitlistKeys(k, name)
					names = append(names, order)
				}
			}
			there[i] = p.Exists(ctx, names...)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look for waitlists: %w", err)
	}
	cmds := map[Key][]*redis.IntCmd{}
	if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, keys := range some {
			if there[i].Val() == 0 {
				continue
			}
			for _, k := range keys {
				for _, name := range waitlistNames {
					order, _ := s.waitlistKeys(k, name)
					cmds[k] = append(cmds[k], p.ZCard(ctx, order))
				}
			}
		}
		return nil
	}); err != nil && !wrongType(err) { // a waitlist of another type counts as empty
		return nil, fmt.Errorf("count waitlists: %w", err)
	}
	out := make(map[Key]int, len(cmds))
	for k, of := range cmds {
		for _, c := range of {
			out[k] += int(c.Val())
		}
	}
	return out, nil
}
