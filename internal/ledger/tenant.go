package ledger

import (
	"context"
	"fmt"
	"time"
)

// Tenant is what the pool has lately seen of one taxpayer at KSeF. The zero value is a tenant of which
// nothing is known.
type Tenant struct {
	ThroughAt  Millis `redis:"through_at"`  // close of the latest closed batch session that KSeF processed
	AcceptedAt Millis `redis:"accepted_at"` // when an answer last showed that KSeF lets the tenant in
	Denials    int    `redis:"denials"`     // sessions in a row that KSeF let nothing of in (410)
	DeniedTill Millis `redis:"denied_till"` // end of the pause that the last of them began
}

// tenantScript notes something about a tenant: tenant, what, an instant (ms). What is through,
// accepted or denied. As a verb it goes through at maxmemory.
var tenantScript = verb(`
local key, what, at = P .. 'tenant:' .. ARGV[3], ARGV[4], ARGV[5]
if what == 'through' then
  if tonumber(whole(redis.call('HGET', key, 'through_at'))) < tonumber(at) then redis.call('HSET', key, 'through_at', at) end
elseif what == 'accepted' then
  redis.call('HDEL', key, 'denials', 'denied_till')
  redis.call('HSET', key, 'accepted_at', at)
else
  redis.call('HINCRBY', key, 'denials', 1)
  redis.call('HSET', key, 'denied_till', at)
end
return { 1 }`)

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
	return l.noteTenant(ctx, tenant, "through", closed)
}

// NoteAccepted remembers that KSeF lets the tenant in, which ends its denials.
func (l *Ledger) NoteAccepted(ctx context.Context, tenant string, at time.Time) error {
	return l.noteTenant(ctx, tenant, "accepted", At(at))
}

// NoteDenied remembers a session that KSeF let nothing of in, and until when the tenant rests for it.
func (l *Ledger) NoteDenied(ctx context.Context, tenant string, till time.Time) error {
	return l.noteTenant(ctx, tenant, "denied", At(till))
}

func (l *Ledger) noteTenant(ctx context.Context, tenant, what string, at Millis) error {
	if _, err := l.run(ctx, tenantScript, l.args(tenant, what, int64(at))); err != nil {
		return fmt.Errorf("note of tenant %s that it was %s: %w", tenant, what, err)
	}
	return nil
}
