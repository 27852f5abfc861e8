package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// FullError says that Redis has no memory for new invoices. Invoices that were taken in before go
// on.
type FullError struct {
	Memory Memory
	Below  float64 // the share at which intake stops; 0: Redis itself refused the write
}

func (e *FullError) Error() string {
	const then = "none of these documents was taken: hand them in again when invoices have been receipted, or raise maxmemory"
	if e.Below == 0 {
		return "redis is full (maxmemory); " + then
	}
	return fmt.Sprintf("redis is nearly full: %s used, and intake stops at %.0f %% so that what was taken can finish "+
		"(redis.intake_below); %s", e.Memory, 100*e.Below, then)
}

// Room returns a [*FullError] if m.Share() is the given share or more. With below 0 it always
// returns nil.
func (m Memory) Room(below float64) error {
	if below > 0 && m.Share() >= below {
		return &FullError{Memory: m, Below: below}
	}
	return nil
}

// IsFull reports whether a write was refused because Redis is full. Then err is a [*FullError] or
// the answer of a Redis at maxmemory.
func IsFull(err error) bool {
	_, full := errors.AsType[*FullError](err)
	return full || redis.HasErrorPrefix(err, "OOM")
}

// Intake is what a process has to know before it takes anything in.
type Intake struct {
	Memory Memory
	Seals  Seals
	Holds  map[string]Hold // as [TenantStore.Holds] returns them
}

// Intake reads the memory, the seals and the holds in one round trip.
func (ts *TakeStore) Intake(ctx context.Context) (Intake, error) {
	in, err := ts.reads.Do(ctx, []struct{}{{}}, func(ctx context.Context, readers []struct{}) ([]Intake, error) {
		in, err := ts.readIntake(ctx)
		return slices.Repeat([]Intake{in}, len(readers)), err
	})
	if err != nil {
		return Intake{}, err
	}
	return in[0], nil
}

func (ts *TakeStore) readIntake(ctx context.Context) (Intake, error) {
	var info *redis.StringCmd
	var seals, holds *redis.MapStringStringCmd
	_, _ = ts.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		info, seals, holds = p.Info(ctx, "memory"), p.HGetAll(ctx, ts.key(keySeals)), p.HGetAll(ctx, ts.key(keyHolds))
		return nil
	})
	m, err := memoryOf(info)
	if err == nil {
		err = sickOr(seals.Err(), keySeals)
	}
	if err != nil {
		return Intake{}, fmt.Errorf("ask redis for its memory and seals: %w", err)
	}
	in := Intake{Memory: m, Seals: sealsOf(seals.Val())}
	in.Holds, err = ts.holdsOf(holds)
	return in, err
}

// MayTake returns nil if new documents that b seals may be taken in. MayTake decides by the
// parameter in, which [TakeStore.Intake] has just read. It returns the [*FullError] that
// [Memory.Room] returns for the same bound. It returns a [*SealError] if b does not fit the pool's
// seals. If the layout and the key with which b seals are not on record yet, MayTake records them.
// From then on b seals documents in the newest layouts that every process of the pool reads. Holds
// are not checked, because they concern single tenants.
func (ts *TakeStore) MayTake(ctx context.Context, in Intake, b *Bodies, below float64) error {
	if err := in.Memory.Room(below); err != nil {
		return err
	}
	dense := ts.EverybodyReads(ctx, FormatPacked)
	if !in.Seals.declared(b, dense) {
		if err := ts.seals.Declare(ctx, b); err != nil {
			return err
		}
	}
	b.dense.Store(dense)
	return nil
}
