package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A key of a sink may be sick (sick.go): it is of another type, or it holds what the ledger did not
// write. Then it cannot be recorded what the sink was told, so the sink is told nothing until the
// key is well. All other sinks go on.

// sinkKeys are the keys of one sink. Each is the part of the name before that of the sink, the type
// of the key, and what a person does when the key is sick.
var sinkKeys = []struct{ key, kind, remedy string }{
	{keySink, "hash", "restore the key from a backup of Redis, or delete it: the receiver is then told again all that the outbox has"},
	{keySinkLease, "string", "delete the key: nothing is lost by that"},
	{keySinkHeld, "hash", "restore the key from a backup of Redis, or delete it and send everything again " +
		"that was written since the receiver was out (enqueue deliveries resend --since)"},
	{keySinkDue, "zset", "restore the key from a backup of Redis"},
	{keySinkStands, "hash", "restore the key from a backup of Redis, or delete it and send everything again that was written " +
		"since the receiver took no results of some tenant (enqueue deliveries resend --since)"},
	{keySinkFailed, "hash", "restore the key from a backup of Redis, or delete it: the list of results that were given up is then lost"},
	{keySinkGaveUp, "zset", "restore the key from a backup of Redis, or delete it: the list of results that were given up is then lost"},
}

// SinkKeys returns the names of the keys of a sink, without the prefix.
func SinkKeys(sink string) []string {
	names := make([]string, len(sinkKeys))
	for i, k := range sinkKeys {
		names[i] = k.key + sink
	}
	return names
}

// maxLease is longer than any lease of a sink. A key without an end, or with a later one, is none.
const maxLease = 24 * time.Hour

// CheckSink returns an [*UnreadableError] that names the sick keys of a sink, and nil when there
// are none.
func (ss *SinkStore) CheckSink(ctx context.Context, sink string) error {
	var (
		kinds = make([]*redis.StatusCmd, len(sinkKeys))
		state *redis.MapStringStringCmd
		lease *redis.DurationCmd
	)
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		for i, k := range sinkKeys {
			kinds[i] = p.Type(ctx, ss.key(k.key, sink))
		}
		state, lease = p.HGetAll(ctx, ss.key(keySink, sink)), p.PTTL(ctx, ss.key(keySinkLease, sink))
	}); err != nil {
		return fmt.Errorf("read types of keys: %w", err)
	}
	var sick []Unreadable
	for i, k := range sinkKeys {
		what := ""
		switch is := kinds[i].Val(); {
		case is != k.kind && is != "none":
			what = "is of another type than the ledger writes there"
		case k.key == keySink && state.Err() == nil && !readableSink(state):
			what = "holds what the ledger did not write"
		case k.key == keySinkLease && (lease.Val() == -1 || lease.Val() > maxLease): // -1 is a key that never expires
			what = "holds what the ledger did not write"
		}
		if what != "" {
			key := k.key + sink
			sick = append(sick, Unreadable{ID: key, Key: key, Opaque: true, Err: fmt.Errorf(
				"the key %s behind redis.prefix %s: the receiver is told nothing until the key is well; find out which program wrote it, then %s",
				key, what, k.remedy)})
		}
	}
	return some(sick)
}

// readableSink reports whether the state of a sink is one that the ledger can have written.
func readableSink(cmd *redis.MapStringStringCmd) bool {
	var s SinkState
	return cmd.Scan(&s) == nil && (s.Cursor == "" || ValidPlace(s.Cursor))
}

// SickSink returns the sick keys of a sink that an error names; nil when the error is another one.
func SickSink(err error) []Unreadable {
	if u, ok := errors.AsType[*UnreadableError](err); ok {
		return u.Entries
	}
	return nil
}
