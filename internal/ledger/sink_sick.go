package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A key of a sink may be sick (sick.go): it is of another type, or it holds what the ledger did not
// write. Then nobody can record what the sink was told, so the sink is told nothing until the key
// is well. All other sinks go on.

// sinkKeys are the keys of one sink. Each element has the part of the key's name that stands before
// the name of the sink, the type of the key, and what a person has to do when the key is sick.
var sinkKeys = []struct{ key, kind, remedy string }{
	{keySink, "hash", "restore the key from a backup of Redis, or delete it: the receiver is then told again all that the outbox has"},
	{keySinkLease, "string", "delete the key: nothing is lost by that"},
	{keySinkHeld, "hash", "restore the key from a backup of Redis, or delete it: the receiver is then told " +
		"the present state of each invoice whose results were held"},
	{keySinkDue, "zset", "delete the key: what is held is then tried again at once"},
	{keySinkStands, "hash", "restore the key from a backup of Redis, or delete it and send again everything that was written " +
		"since the receiver stopped taking results of some tenant (enqueue deliveries resend --since)"},
	{keySinkFailed, "hash", "restore the key from a backup of Redis, or delete it: results that were given up can then be sent again, " +
		"but what the receiver answered is lost"},
	{keySinkGaveUp, "zset", "delete the key: results that were given up are then listed again"},
}

// SinkKeys returns the names of the keys of a sink, without the prefix.
func SinkKeys(sink string) []string {
	names := make([]string, len(sinkKeys))
	for i, k := range sinkKeys {
		names[i] = k.key + sink
	}
	return names
}

// maxLease is longer than any lease of a sink. A lease lasts 30 seconds, or a minute in earlier
// builds. A key that expires later, or never, is not a lease. After Redis's clock has stepped back,
// the lease of a killed process is sick too, because it would keep all other processes out until
// the clock has caught up.
const maxLease = 2 * time.Minute

// maxAhead is how far ahead of Redis's clock a place may be that the outbox has not given. The
// ledger writes no such place, but a place that time reaches so soon does no harm.
const maxAhead = 30 * time.Second

// CheckSink returns an [*UnreadableError] that names the sick keys of a sink, and nil when there
// are none.
func (ss *SinkStore) CheckSink(ctx context.Context, sink string) error {
	var (
		kinds = make([]*redis.StatusCmd, len(sinkKeys))
		state *redis.MapStringStringCmd
		lease *redis.DurationCmd
		clock = ss.clockCmd()
	)
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		for i, k := range sinkKeys {
			kinds[i] = p.Type(ctx, ss.key(k.key, sink))
		}
		state, lease = p.HGetAll(ctx, ss.key(keySink, sink)), p.PTTL(ctx, ss.key(keySinkLease, sink))
		clock.ask(ctx, p)
	}); err != nil {
		return fmt.Errorf("read types of keys: %w", err)
	}
	ahead, err := ss.anyAhead(ctx, clock.now(), state.Val()["cursor"], state.Val()["rewound"])
	if err != nil {
		return err
	}
	var sick []Unreadable
	for i, k := range sinkKeys {
		what := ""
		switch is := kinds[i].Val(); {
		case is != k.kind && is != "none":
			what = "is of another type than the ledger writes there"
		case k.key == keySink && state.Err() == nil && (ahead || !readableSink(state)):
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
	return cmd.Scan(&s) == nil && (s.Cursor == "" || ValidPlace(s.Cursor)) && (s.Rewound == "" || ValidPlace(s.Rewound))
}

// anyAhead reports whether any of the places is ahead of Redis's clock and of all that the outbox
// has ever given. A sink at such a place would silently get none of the next outcomes. A place
// ahead of the clock alone is right, because the outbox gives such places after the clock has
// stepped back.
func (ss *SinkStore) anyAhead(ctx context.Context, now time.Time, places ...string) (bool, error) {
	newest := PlaceOf(now.Add(maxAhead))
	beyond := func(place string) bool { return AfterOutcome(place, newest) }
	if !slices.ContainsFunc(places, beyond) {
		return false, nil
	}
	info, err := ss.rdb.XInfoStream(ctx, ss.key(keyOutbox)).Result()
	switch {
	case err == nil && beyond(info.LastGeneratedID):
		newest = info.LastGeneratedID
	case err != nil && !noOutbox(err) && !wrongType(err):
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	return slices.ContainsFunc(places, beyond), nil
}

// SickSink returns the sick keys of a sink that an error names; nil when the error is another one.
func SickSink(err error) []Unreadable {
	if u, ok := errors.AsType[*UnreadableError](err); ok {
		return u.Entries
	}
	return nil
}

// WhySick returns one text that says what is wrong with each of the sick keys, and what a person
// has to do.
func WhySick(sick []Unreadable) string {
	all := make([]string, len(sick))
	for i := range sick {
		all[i] = sick[i].Err.Error()
	}
	return strings.Join(all, "; ")
}

// sickSinkOr replaces an error of Redis that concerns one key, and does not name it, by the error
// of CheckSink. It returns any other error unchanged.
func (ss *SinkStore) sickSinkOr(ctx context.Context, sink string, err error) error {
	if !wrongType(err) {
		return err
	}
	if named := ss.CheckSink(ctx, sink); named != nil {
		return named
	}
	return err // the key is well again
}

// relistPage is how many records one script lists again.
const relistPage = 500

// Unlisted reports whether outcomes that are held or were given up are missing from their lists,
// because a person deleted a list that was sick.
func (ss *SinkStore) Unlisted(ctx context.Context, sink string) (held, failed bool, err error) {
	var has, lists [2]*redis.IntCmd
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		has[0], lists[0] = p.HLen(ctx, ss.key(keySinkHeld, sink)), p.ZCard(ctx, ss.key(keySinkDue, sink))
		has[1], lists[1] = p.HLen(ctx, ss.key(keySinkFailed, sink)), p.ZCard(ctx, ss.key(keySinkGaveUp, sink))
	}); err != nil {
		return false, false, fmt.Errorf("count what sink %s has not taken: %w", sink, err)
	}
	for _, c := range [4]*redis.IntCmd{has[0], has[1], lists[0], lists[1]} {
		if c.Err() != nil {
			return false, false, ss.sickSinkOr(ctx, sink, c.Err())
		}
	}
	return has[0].Val() > lists[0].Val(), has[1].Val() > lists[1].Val(), nil
}

// Relist puts the outcomes that Unlisted reports as missing back into their lists. Held outcomes
// are due at once. token is the token of the process that serves the sink. If another process
// serves the sink now, Relist writes nothing.
func (ss *SinkStore) Relist(ctx context.Context, sink, token string) error {
	held, failed, err := ss.Unlisted(ctx, sink)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		missing bool
		key, op string
	}{{held, keySinkHeld, "list held"}, {failed, keySinkFailed, "list failed"}} {
		for cursor := uint64(0); of.missing; {
			page, next, err := ss.rdb.HScan(ctx, ss.key(of.key, sink), cursor, "", relistPage).Result()
			if err != nil {
				return fmt.Errorf("list again what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
			}
			args := ss.args(sink, token, MaxFailed, 0, 0)
			for i := 0; i+1 < len(page); i += 2 {
				args = append(args, of.op, page[i], "", "")
			}
			if _, err := ss.run(ctx, sinkScript, args); err != nil {
				return fmt.Errorf("list again what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return nil
}
