package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Memory is how much memory Redis uses and may use, in bytes. Max 0 means that there is no bound,
// or that Redis does not tell.
type Memory struct{ Used, Max int64 }

// Share returns the part that is used, from 0 to 1; 0 without a bound.
func (m Memory) Share() float64 {
	if m.Max <= 0 {
		return 0
	}
	return float64(m.Used) / float64(m.Max)
}

// String returns a text like "34.0 of 40.0 MB".
func (m Memory) String() string {
	const mb = 1e6
	if m.Max < 100*mb {
		return fmt.Sprintf("%.1f of %.1f MB", float64(m.Used)/mb, float64(m.Max)/mb)
	}
	return fmt.Sprintf("%.0f of %.0f MB", float64(m.Used)/mb, float64(m.Max)/mb)
}

// Memory asks Redis for its memory. If Redis refuses INFO, the result is the zero value.
func (ts *TakeStore) Memory(ctx context.Context) (Memory, error) {
	return memoryOf(ts.rdb.Info(ctx, "memory"))
}

func memoryOf(info *redis.StringCmd) (Memory, error) {
	text, err := info.Result()
	if _, answered := errors.AsType[redis.Error](err); answered {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, fmt.Errorf("ask redis for its memory: %w", err)
	}
	return Memory{Used: infoNumber(text, "used_memory"), Max: infoNumber(text, "maxmemory")}, nil
}

// infoNumber finds the number of one line in an answer to INFO; 0 if it is not there.
func infoNumber(info, name string) int64 {
	_, rest, found := strings.Cut(info, "\n"+name+":")
	if !found {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimRight(rest[:strings.IndexByte(rest+"\n", '\n')], "\r"), 10, 64)
	return n
}

// FullError says that Redis has no memory for new invoices. Those that were taken in before go on.
type FullError struct {
	Memory Memory
	Below  float64 // the share at which intake stops; 0: Redis itself refused the write
}

func (e *FullError) Error() string {
	const then = "nothing of these was taken: hand them in again when invoices have been receipted, or give Redis more (maxmemory)"
	if e.Below == 0 {
		return "redis is full (maxmemory); " + then
	}
	return fmt.Sprintf("redis is nearly full: %s used, and intake stops at %.0f %% so that what was taken can finish "+
		"(redis.intake_below); %s", e.Memory, 100*e.Below, then)
}

// IsFull reports whether a write was refused because Redis is full: err is a [*FullError], or Redis
// is at maxmemory.
func IsFull(err error) bool {
	_, full := errors.AsType[*FullError](err)
	return full || redis.HasErrorPrefix(err, "OOM")
}

// Intake is what a process has to know before it takes anything in.
type Intake struct {
	Memory Memory
	Seals  Seals
}

// Intake reads the memory and the seals in one round trip.
func (ts *TakeStore) Intake(ctx context.Context) (Intake, error) {
	var info *redis.StringCmd
	var seals *redis.MapStringStringCmd
	_, _ = ts.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		info, seals = p.Info(ctx, "memory"), p.HGetAll(ctx, ts.key(keySeals))
		return nil
	})
	m, err := memoryOf(info)
	if err == nil {
		err = sickOr(seals.Err(), keySeals)
	}
	if err != nil {
		return Intake{}, fmt.Errorf("ask redis for its memory and seals: %w", err)
	}
	return Intake{Memory: m, Seals: sealsOf(seals.Val())}, nil
}

// MayTake returns nil if new documents that b seals may be taken in. It returns a [*FullError] if
// the share below of Redis's memory is used (0 turns this check off), and a [*SealError] if b does
// not fit the pool's seals. The first time it records what b seals with.
func (ts *TakeStore) MayTake(ctx context.Context, b *Bodies, below float64) error {
	in, err := ts.Intake(ctx)
	if err != nil {
		return err
	}
	if below > 0 && in.Memory.Share() >= below {
		return &FullError{Memory: in.Memory, Below: below}
	}
	if in.Seals.declared(b) {
		return nil
	}
	return ts.seals.Declare(ctx, b)
}
