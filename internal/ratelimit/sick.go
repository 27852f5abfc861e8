package ratelimit

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Another program or a person may have written a key of the limiter. Keys that only make the
// limiter quicker or fairer are deleted. Then circuits learn again what is down, waitlists learn
// again who waits, and the clock starts again from the instants in the logs (clock.go). The limits
// are kept by the count in the log of a group, so a log is never deleted here. While a log cannot
// be read, the requests of its tenant and group stop, with an error that says why. All other
// requests go on.

// SickLogError says that the log of a tenant's group holds what the limiter did not write. Nothing
// of the group may be sent, because the number of its past requests is unknown.
type SickLogError struct {
	Key  Key
	Name string // of the key, with the prefix
	Err  error
}

func (e *SickLogError) Error() string {
	return fmt.Sprintf("the key %s was written by another version or another program, so no request of %s is made: find out which, "+
		"wait until an hour after the last request of the group, then delete the key", e.Name, e.Key)
}

func (e *SickLogError) Unwrap() error { return e.Err }

// OnDeleted sets the function that is called after a key was deleted because of its type. f gets
// the name of the key, with the prefix, and the type that it held. Call OnDeleted before the first
// use of s. f must be safe for concurrent use.
func (s *Redis) OnDeleted(f func(key, held string)) { s.deleted = f }

func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// eval calls a script. If a key holds a value of the wrong type, eval deletes it, unless it is the
// log of a group. If the clock is missing, eval starts the clock. Then it calls the script again.
func (s *Redis) eval(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := s.call(ctx, script, keys, args...)
	if wrongType(cmd.Err()) {
		if s.deleteWrongTypes(ctx, keys...) != nil {
			return cmd
		}
		cmd = s.call(ctx, script, keys, args...)
	}
	if !isClockGone(cmd.Err()) {
		return cmd
	}
	if err := s.startClock(ctx); err != nil {
		cmd.SetErr(err)
		return cmd
	}
	return s.call(ctx, script, keys, args...)
}

// deleteWrongTypes deletes those of the keys that hold another type than they should. It does the
// same with the clock's key. It leaves out the logs of groups.
func (s *Redis) deleteWrongTypes(ctx context.Context, keys ...string) error {
	for _, key := range append([]string{s.prefix + "rate-clock"}, keys...) {
		want := s.kindOf(key)
		if want == "" {
			continue
		}
		held, err := s.deleteType.Run(ctx, s.client, []string{key}, want).Text()
		if err != nil {
			return fmt.Errorf("delete the key %s, which holds a value of the wrong type: %w", key, err)
		}
		if held != "" && s.deleted != nil {
			s.deleted(key, held)
		}
	}
	return nil
}

// kindOf returns the type that a key should hold. It returns "" for the log of a group, and for the
// cause of its freeze. Neither is deleted here.
func (s *Redis) kindOf(key string) string {
	name := strings.TrimPrefix(key, s.prefix)
	switch kind, _, _ := strings.Cut(name, ":"); {
	case kind == "rate-clock" || kind == "strikes429":
		return "string"
	case kind == "waitlist" || kind == "circuit" && strings.HasSuffix(name, "|"+hostMember):
		return "zset"
	case kind == "circuit":
		return "hash"
	}
	return ""
}

// otherVersion is part of the error of log.lua about a log that it cannot read.
const otherVersion = "was written by another version"

// sickOr returns a [*SickLogError] when err says that the log of k is sick, and err otherwise.
func (s *Redis) sickOr(err error, k Key) error {
	if err != nil && (wrongType(err) || strings.Contains(err.Error(), otherVersion)) {
		return &SickLogError{Key: k, Name: s.key(k), Err: err}
	}
	return err
}
