package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Memory is what Redis uses and may use, in bytes. Max 0 means that it has no bound, or does not tell.
type Memory struct{ Used, Max int64 }

// Share is the part that is used; 0 without a bound.
func (m Memory) Share() float64 {
	if m.Max <= 0 {
		return 0
	}
	return float64(m.Used) / float64(m.Max)
}

// String is "34 of 40 MB".
func (m Memory) String() string {
	const mb = 1e6
	if m.Max < 100*mb {
		return fmt.Sprintf("%.1f of %.1f MB", float64(m.Used)/mb, float64(m.Max)/mb)
	}
	return fmt.Sprintf("%.0f of %.0f MB", float64(m.Used)/mb, float64(m.Max)/mb)
}

// Memory asks Redis. One that does not let itself be asked has no bound that is known.
func (l *Ledger) Memory(ctx context.Context) (Memory, error) {
	return memoryOf(l.rdb.Info(ctx, "memory"))
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

// infoNumber finds one line in what INFO answers.
func infoNumber(info, name string) int64 {
	_, rest, found := strings.Cut(info, "\n"+name+":")
	if !found {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimRight(rest[:strings.IndexByte(rest+"\n", '\n')], "\r"), 10, 64)
	return n
}

// FullError says that Redis has no room for what is new. What was taken before goes on.
type FullError struct {
	Memory Memory
	Below  float64 // the share at which intake stops; 0: Redis itself refused
}

func (e *FullError) Error() string {
	const then = "nothing of these was taken: hand them in again when invoices have been receipted, or give Redis more (maxmemory)"
	if e.Below == 0 {
		return "redis is full (maxmemory); " + then
	}
	return fmt.Sprintf("redis is nearly full: %s used, and intake stops at %.0f %% so that what was taken can finish (redis.intake_below); %s", e.Memory, 100*e.Below, then)
}

// IsFull reports that Redis refused a write because it is at maxmemory.
func IsFull(err error) bool {
	_, said := errors.AsType[*FullError](err)
	return said || redis.HasErrorPrefix(err, "OOM")
}

// Intake is what has to be known before anything is taken in.
type Intake struct {
	Memory Memory
	Seals  Seals
}

// Intake asks for it, in one round trip.
func (l *Ledger) Intake(ctx context.Context) (Intake, error) {
	var info *redis.StringCmd
	var seals *redis.MapStringStringCmd
	_, _ = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		info, seals = p.Info(ctx, "memory"), p.HGetAll(ctx, l.key(keySeals))
		return nil
	})
	m, err := memoryOf(info)
	if err == nil {
		err = seals.Err()
	}
	if err != nil {
		return Intake{}, fmt.Errorf("ask whether there is room: %w", err)
	}
	return Intake{Memory: m, Seals: sealsOf(seals.Val())}, nil
}

// MayTake reports whether new documents, sealed by b, may be taken in: nil, a [*FullError] when as
// much as below of Redis's memory is used (0: never), or a [*SealError]. It records what b seals
// with, the first time.
func (l *Ledger) MayTake(ctx context.Context, b *Bodies, below float64) error {
	in, err := l.Intake(ctx)
	if err != nil {
		return err
	}
	if below > 0 && in.Memory.Share() >= below {
		return &FullError{Memory: in.Memory, Below: below}
	}
	if in.Seals.declared(b) {
		return nil
	}
	return l.Declare(ctx, b)
}
