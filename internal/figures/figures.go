// Package figures counts what became of invoices, by tenant, hour and day, for charts and totals.
// Redis keeps the counts of the last 26 hours and 32 days for each tenant, a few hundred bytes for
// each hour or day. They expire. They are only for people to look at. If a process dies between a
// decision and its count, the count is lost, but the invoice is not. The ledger and the archive say
// what happened.
package figures

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/invoice"
)

// How many hours and days are kept.
const (
	Hours = 26
	Days  = 32
)

// Outcome is the decision on one invoice.
type Outcome struct {
	Tenant string
	State  string        // accepted, rejected or parked
	At     time.Time     // of the decision; selects the hour, and the day in Warsaw
	Took   time.Duration // from the intake to the KSeF number; 0 if that is unknown or there is no number
}

// Figures are the counts of one hour or day.
type Figures struct {
	From     time.Time // its beginning
	Accepted int64
	Rejected int64
	Parked   int64
	waits    [len(bounds) + 1]int64
}

// bounds are the upper bounds of the classes of waiting times. Longer times are in one more class.
var bounds = [...]time.Duration{
	5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second,
	320 * time.Second, 640 * time.Second, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute,
	6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// classOf returns the class of a waiting time.
func classOf(d time.Duration) int {
	for i, b := range bounds {
		if d <= b {
			return i
		}
	}
	return len(bounds)
}

// Quantile returns the time within which the share q of the timed invoices got their number. The
// time is estimated within its class. A time beyond a day is returned as a day. false means that
// nothing was timed.
func (f *Figures) Quantile(q float64) (time.Duration, bool) {
	all := int64(0)
	for _, n := range f.waits {
		all += n
	}
	if all == 0 {
		return 0, false
	}
	rank, below, low := q*float64(all), int64(0), time.Duration(0)
	for i, n := range f.waits {
		if i == len(bounds) {
			break
		}
		if float64(below+n) >= rank && n > 0 {
			return low + time.Duration((rank-float64(below))/float64(n)*float64(bounds[i]-low)), true
		}
		below, low = below+n, bounds[i]
	}
	return bounds[len(bounds)-1], true
}

// Add adds other counts.
func (f *Figures) Add(g Figures) {
	f.Accepted, f.Rejected, f.Parked = f.Accepted+g.Accepted, f.Rejected+g.Rejected, f.Parked+g.Parked
	for i, n := range g.waits {
		f.waits[i] += n
	}
}

// Store has the counts. Safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	prefix string
}

// New returns the counts of the pool with this prefix of keys.
func New(rdb redis.UniversalClient, prefix string) *Store { return &Store{rdb, prefix} }

// All is the name under which the counts of all tenants together are kept.
const All = ""

func (s *Store) hourKey(tenant string, t time.Time) string {
	return s.prefix + "figures:hour:" + tenant + ":" + t.UTC().Format("2006010215")
}

func (s *Store) dayKey(tenant string, t time.Time) string {
	return s.prefix + "figures:day:" + tenant + ":" + t.In(invoice.Warsaw()).Format("20060102")
}

// Count adds outcomes to the counts, in one round trip.
func (s *Store) Count(ctx context.Context, outcomes []Outcome) error {
	type slot struct{ key, field string }
	sums, expire := map[slot]int64{}, map[string]time.Duration{}
	for _, o := range outcomes {
		fields := []string{o.State}
		if o.Took > 0 {
			fields = append(fields, "w"+strconv.Itoa(classOf(o.Took)))
		}
		for _, tenant := range []string{o.Tenant, All} {
			hour, day := s.hourKey(tenant, o.At), s.dayKey(tenant, o.At)
			expire[hour], expire[day] = Hours*time.Hour, Days*24*time.Hour
			for _, f := range fields {
				sums[slot{hour, f}]++
				sums[slot{day, f}]++
			}
		}
	}
	if len(sums) == 0 {
		return nil
	}
	cmds, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for at, n := range sums {
			p.HIncrBy(ctx, at.key, at.field, n)
		}
		for key, keep := range expire {
			p.Expire(ctx, key, keep)
		}
		return nil
	})
	if wrongType(err) {
		for _, c := range cmds {
			if wrongType(c.Err()) { // Redis has counted the others
				return fmt.Errorf("count outcomes: the key %v was written by another program: find out which, then delete the key: %w",
					c.Args()[1], c.Err())
			}
		}
	}
	if err != nil {
		return fmt.Errorf("count outcomes: %w", err)
	}
	return nil
}

// wrongType reports whether an error says that another program wrote a key. The counts in such a
// key are taken for zero. All other keys are read and counted.
func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// LastHours returns the last n hours of some tenants together, at most [Hours], the oldest first.
// To count all tenants, pass [All].
func (s *Store) LastHours(ctx context.Context, now time.Time, n int, tenants ...string) ([]Figures, error) {
	starts := make([]time.Time, min(n, Hours))
	for i := range starts {
		starts[len(starts)-1-i] = now.Truncate(time.Hour).Add(-time.Duration(i) * time.Hour)
	}
	return s.read(ctx, starts, s.hourKey, tenants)
}

// LastDays is LastHours for days. It returns the last n days, at most [Days].
func (s *Store) LastDays(ctx context.Context, now time.Time, n int, tenants ...string) ([]Figures, error) {
	starts := make([]time.Time, min(n, Days))
	for i := range starts {
		starts[len(starts)-1-i] = midnight(now).AddDate(0, 0, -i)
	}
	return s.read(ctx, starts, s.dayKey, tenants)
}

// Today returns today's counts of each tenant.
func (s *Store) Today(ctx context.Context, now time.Time, tenants []string) (map[string]Figures, error) {
	out := make(map[string]Figures, len(tenants))
	cmds := make([]*redis.MapStringStringCmd, len(tenants))
	if len(tenants) == 0 {
		return out, nil
	}
	if _, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range tenants {
			cmds[i] = p.HGetAll(ctx, s.dayKey(t, now))
		}
		return nil
	}); err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	for i, t := range tenants {
		out[t] = parse(midnight(now), cmds[i].Val())
	}
	return out, nil
}

func midnight(now time.Time) time.Time {
	y, m, d := now.In(invoice.Warsaw()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, invoice.Warsaw())
}

func (s *Store) read(ctx context.Context, starts []time.Time, key func(string, time.Time) string, tenants []string) ([]Figures, error) {
	out := make([]Figures, len(starts))
	for i := range starts {
		out[i].From = starts[i]
	}
	for _, tenant := range tenants { // one round trip for each tenant, so that no pipeline is long
		cmds := make([]*redis.MapStringStringCmd, len(starts))
		if _, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, at := range starts {
				cmds[i] = p.HGetAll(ctx, key(tenant, at))
			}
			return nil
		}); err != nil && !wrongType(err) {
			return nil, fmt.Errorf("read figures: %w", err)
		}
		for i := range cmds {
			out[i].Add(parse(starts[i], cmds[i].Val()))
		}
	}
	return out, nil
}

// parse reads the fields of a hash. A field that is missing or not a number counts as 0.
func parse(from time.Time, m map[string]string) Figures {
	f := Figures{From: from}
	n := func(field string) int64 { v, _ := strconv.ParseInt(m[field], 10, 64); return v }
	f.Accepted, f.Rejected, f.Parked = n("accepted"), n("rejected"), n("parked")
	for i := range f.waits {
		f.waits[i] = n("w" + strconv.Itoa(i))
	}
	return f
}
