package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tenant is what the pool has lately seen of one taxpayer at KSeF. The zero value is a tenant of which
// nothing is known.
type Tenant struct {
	ThroughAt  Millis `redis:"through_at"`  // close of the latest closed batch session that KSeF processed
	AcceptedAt Millis `redis:"accepted_at"` // when an answer last showed that KSeF lets the tenant in
	Denials    int    `redis:"denials"`     // sessions in a row that KSeF let nothing of in (410)
	DeniedTill Millis `redis:"denied_till"` // end of the pause that the last of them began
}

// Tenant reads what is known of a tenant.
func (l *Ledger) Tenant(ctx context.Context, tenant string) (Tenant, error) {
	var t Tenant
	if err := l.rdb.HGetAll(ctx, l.key("tenant:", tenant)).Scan(&t); err != nil {
		return Tenant{}, fmt.Errorf("read tenant %s: %w", tenant, err)
	}
	return t, nil
}

// NoteThrough remembers that KSeF processed a batch session that was closed at the given time.
func (l *Ledger) NoteThrough(ctx context.Context, tenant string, closed Millis) error {
	// Two that write at once may leave the earlier time: then one more session shows the same.
	last, err := l.rdb.HGet(ctx, l.key("tenant:", tenant), "through_at").Int64()
	if err == redis.Nil || err == nil && Millis(last) < closed {
		err = l.rdb.HSet(ctx, l.key("tenant:", tenant), "through_at", strconv.FormatInt(int64(closed), 10)).Err()
	}
	if err != nil {
		return fmt.Errorf("note a session of tenant %s: %w", tenant, err)
	}
	return nil
}

// NoteAccepted remembers that KSeF lets the tenant in, which ends its denials.
func (l *Ledger) NoteAccepted(ctx context.Context, tenant string, at time.Time) error {
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, l.key("tenant:", tenant), "accepted_at", int64(At(at)))
		p.HDel(ctx, l.key("tenant:", tenant), "denials", "denied_till")
		return nil
	})
	if err != nil {
		return fmt.Errorf("note an acceptance of tenant %s: %w", tenant, err)
	}
	return nil
}

// NoteDenied remembers a session that KSeF let nothing of in, and until when the tenant rests for it.
func (l *Ledger) NoteDenied(ctx context.Context, tenant string, till time.Time) error {
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HIncrBy(ctx, l.key("tenant:", tenant), "denials", 1)
		p.HSet(ctx, l.key("tenant:", tenant), "denied_till", int64(At(till)))
		return nil
	})
	if err != nil {
		return fmt.Errorf("note a denial of tenant %s: %w", tenant, err)
	}
	return nil
}
