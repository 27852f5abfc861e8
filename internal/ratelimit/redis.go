package ratelimit

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

var (
	//go:embed lua/log.lua
	logLua string
	//go:embed lua/book.lua
	bookLua string
	//go:embed lua/cancel.lua
	cancelLua string
	//go:embed lua/freeze.lua
	freezeLua string
	//go:embed lua/usage.lua
	usageLua string
	//go:embed lua/throttle.lua
	throttleLua string
	//go:embed lua/circuit.lua
	circuitLua string
	//go:embed lua/delete_type.lua
	deleteTypeLua string
	//go:embed lua/start.lua
	startLua string
	//go:embed lua/hold.lua
	holdLua string
)

// Redis is a [Store] shared by every process that uses the same Redis and prefix. Safe for
// concurrent use. Instants come from Redis's clock (TIME). Every change except [Redis.Leave] is one
// script. A waitlist has keys of its own in addition to the log's key, so a cluster, which scatters
// keys, is not supported.
//
// A booking reads and rewrites the key's log, 8 bytes an instant. That suits thousands of requests
// per window, not millions. The log is as durable as Redis's data. After a total loss earlier
// requests are forgotten, and only KSeF's 429 stops the pool. When Redis's own clock steps back,
// the store's clock goes on from where it was. The windows then become free later, by at most the
// step, and only once. After a step forward they become free sooner by the step, also only once.
//
// go-redis repeats a call whose answer was lost. A booking made twice that way wastes a place and
// overruns nothing.
type Redis struct {
	client redis.UniversalClient
	prefix string
	clock  func() time.Time // nil: Redis's clock; set by tests

	book, cancel, freeze, throttle, thaw, usage, circuit, deleteType, start, hold *redis.Script

	starts  singleflight.Group     // of the clock
	deleted func(key, held string) // see OnDeleted; nil: nobody is told
}

var _ Store = (*Redis)(nil)

// NewRedis returns a store, and makes no call. The names of its keys begin with prefix:
//
//	rate:TENANT:GROUP                     the log of the group
//	rate:TENANT:GROUP:why                 the cause of a freeze
//	strikes429:TENANT:GROUP               the number of 429s in a row
//	waitlist:TENANT:GROUP:urgent or :rest a waitlist
//	waitlist:TENANT:GROUP:…:due           the same waitlist by promised instant
//	circuit:HOST                          the circuit of a host
//	circuit:HOST|TENANT:GROUP             the circuit of a pair
//	circuit:HOST|*                        the index of the host's open circuits
//	rate-clock                            the clock, with the highest instant seen
//	rate-clock:hold                       for a few seconds after a restart of Redis
func NewRedis(client redis.UniversalClient, prefix string) *Redis {
	return &Redis{
		client:     client,
		prefix:     prefix,
		book:       redis.NewScript(logLua + bookLua),
		cancel:     redis.NewScript(logLua + cancelLua),
		freeze:     redis.NewScript(logLua + freezeLua),
		usage:      redis.NewScript(logLua + usageLua),
		circuit:    redis.NewScript(logLua + circuitLua),
		deleteType: redis.NewScript(deleteTypeLua),
		start:      redis.NewScript(startLua),
		hold:       redis.NewScript(holdLua),

		throttle: redis.NewScript(logLua + throttleLua),
		thaw:     redis.NewScript(logLua + thawLua),
	}
}

func (s *Redis) key(k Key) string { return s.prefix + "rate:" + k.Tenant + ":" + k.Group }

// waitlistKeys returns the two keys of a waitlist. The set at order is sorted by place, and the set
// at due by promised instant.
func (s *Redis) waitlistKeys(k Key, name string) (order, due string) {
	order = s.prefix + "waitlist:" + k.Tenant + ":" + k.Group + ":" + name
	return order, order + ":due"
}

// now returns the argument from which a script knows the time. It is the key of the clock or, in
// tests, an instant.
func (s *Redis) now() string {
	if s.clock == nil {
		return s.prefix + "rate-clock"
	}
	return strconv.FormatInt(s.clock().UnixMicro(), 10)
}

// run calls a script that answers with whole numbers, at least want of them.
func (s *Redis) run(ctx context.Context, script *redis.Script, keys []string, want int, args ...any) ([]int64, error) {
	answer, err := s.eval(ctx, script, keys, args...).Int64Slice()
	if err != nil {
		return nil, err
	}
	if len(answer) < want {
		return nil, fmt.Errorf("script answered %d numbers, want %d", len(answer), want)
	}
	return answer, nil
}

// Book implements [Store].
func (s *Redis) Book(ctx context.Context, r Request) (Booking, error) {
	if err := r.validate(); err != nil {
		return Booking{}, fmt.Errorf("book an instant: %w", err)
	}
	due := int64(0)
	if !r.Due.IsZero() {
		due = r.place(time.Time{}).UnixMicro()
	}
	args := []any{
		s.now(), floorMicros(r.MaxWait), r.Ticket, ticketTTL.Microseconds(), thawStep.Microseconds(),
		due, dueStep.Microseconds(),
	}
	for _, w := range r.effective() {
		args = append(args, w.Limit, w.Per.Microseconds())
	}
	keys := []string{s.key(r.Key)}
	if r.Ticket != "" {
		order, due := s.waitlistKeys(r.Key, r.waitlist())
		keys = append(keys, order, due)
	}
	got, err := s.run(ctx, s.book, keys, 4, args...)
	if err != nil {
		return Booking{}, fmt.Errorf("book an instant for %s: %w", r.Key, s.sickOr(err, r.Key))
	}
	at, wait := time.UnixMicro(got[1]), time.Duration(got[2])*time.Microsecond
	if booked := got[0] == 1; !booked {
		if frozen := got[3] == 1; frozen {
			return Booking{}, &NotNow{Wait: wait, Reason: ReasonFrozen, Cause: causeNumbered(got[4]), Key: r.Key}
		}
		return Booking{}, &NotNow{Wait: wait, Reason: ReasonLimit, Key: r.Key}
	}
	return Booking{ID: bookingID(at, int(got[3])), Key: r.Key, At: at, Wait: wait}, nil
}

// Cancel implements [Store].
func (s *Redis) Cancel(ctx context.Context, b Booking) error {
	at, mark, err := parseBookingID(b.ID)
	if err != nil {
		return fmt.Errorf("cancel a booking: %w", err)
	}
	if err := s.eval(ctx, s.cancel, []string{s.key(b.Key)}, s.now(), at, mark).Err(); err != nil {
		return fmt.Errorf("cancel a booking for %s: %w", b.Key, s.sickOr(err, b.Key))
	}
	return nil
}

// Freeze implements [Store].
func (s *Redis) Freeze(ctx context.Context, k Key, d time.Duration, why Cause) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("freeze a group: %w", err)
	}
	if d <= 0 {
		return nil
	}
	err := s.eval(ctx, s.freeze, []string{s.key(k)}, s.now(), freezeTime(d).Microseconds(), string(why)).Err()
	if err != nil {
		return fmt.Errorf("freeze %s: %w", k, s.sickOr(err, k))
	}
	return nil
}

// Throttle implements [Store].
func (s *Redis) Throttle(ctx context.Context, k Key, d time.Duration) (time.Duration, int, error) {
	if err := k.validate(); err != nil {
		return 0, 0, fmt.Errorf("throttle a group: %w", err)
	}
	keys := []string{s.key(k), s.prefix + "strikes429:" + k.Tenant + ":" + k.Group}
	got, err := s.run(ctx, s.throttle, keys, 2, s.now(), freezeTime(max(d, 0)).Microseconds(),
		firstRest.Microseconds(), maxRest.Microseconds(), strikes429TTL.Microseconds())
	if err != nil {
		return 0, 0, fmt.Errorf("throttle %s: %w", k, s.sickOr(err, k))
	}
	return time.Duration(got[0]) * time.Microsecond, int(got[1]), nil
}

// Leave implements [Store].
func (s *Redis) Leave(ctx context.Context, k Key, ticket string) error {
	if err := k.validate(); err != nil {
		return fmt.Errorf("leave the waitlist: %w", err)
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, name := range waitlistNames {
			order, due := s.waitlistKeys(k, name)
			p.ZRem(ctx, order, ticket)
			p.ZRem(ctx, due, ticket)
		}
		return nil
	})
	if err != nil && !wrongType(err) { // a waitlist of another type has no place to give up
		return fmt.Errorf("leave the waitlist for %s: %w", k, err)
	}
	return nil
}

// Usage implements [Store].
func (s *Redis) Usage(ctx context.Context, k Key, limits Limits) (Usage, error) {
	if err := k.validate(); err != nil {
		return Usage{}, fmt.Errorf("count usage: %w", err)
	}
	args := []any{s.now()}
	for _, w := range limits {
		args = append(args, wholeMicros(w.Per).Microseconds())
	}
	keys := []string{s.key(k)}
	for _, name := range waitlistNames {
		order, _ := s.waitlistKeys(k, name)
		keys = append(keys, order)
	}
	got, err := s.run(ctx, s.usage, keys, 6+2*len(limits), args...)
	if err != nil {
		return Usage{}, fmt.Errorf("count usage of %s: %w", k, s.sickOr(err, k))
	}
	u := Usage{Ahead: int(got[4]), Waitlisted: int(got[5])}
	for i, w := range limits {
		u.Windows = append(u.Windows, w.usage(int(got[6+2*i]), time.Duration(got[7+2*i])*time.Microsecond))
	}
	now, frozen, held := got[0], got[1], got[3]
	u.Held = time.Duration(max(held-now, 0)) * time.Microsecond
	if frozen > now {
		u.Frozen, u.FrozenUntil = time.Duration(frozen-now)*time.Microsecond, time.UnixMicro(frozen)
		u.Cause = causeNumbered(got[2])
	}
	return u, nil
}

// floorMicros rounds down; a negative wait must stay negative.
func floorMicros(d time.Duration) int64 {
	micros := d.Microseconds()
	if d < 0 && d%time.Microsecond != 0 {
		micros--
	}
	return micros
}
