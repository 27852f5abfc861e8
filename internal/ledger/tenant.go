package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tenant is what the pool has lately seen of one tenant at KSeF. The zero value means that nothing
// is known.
type Tenant struct {
	ThroughAt  Millis `redis:"through_at"`  // when the latest batch session that KSeF processed was closed
	AcceptedAt Millis `redis:"accepted_at"` // when an answer last showed that KSeF accepts the tenant
	Denials    int    `redis:"denials"`     // pauses in a row because KSeF accepted nothing of the tenant (410)
	Denied     int    `redis:"denied"`      // invoices in its own name that were answered 410 since the last one was accepted
	Refusals   int    `redis:"refusals"`    // batch sessions refused as a whole since the last one was processed
	RefusedAt  Millis `redis:"refused_at"`  // when the last of them was refused, or the next try began
	DeniedTill Millis `redis:"denied_till"` // end of the pause after the last denial
	RefusedWhy string `redis:"refused_why"` // code and words of the last session that was refused; sealed in Redis
	KeyRefused string `redis:"key_refused"` // what KSeF said when it last refused the tenant's key; sealed in Redis
	// DeniedForOthers counts, in the same way as Denied, the invoices that the tenant issued for
	// other sellers.
	DeniedForOthers int `redis:"denied_for_others"`
	// Said is what KSeF said when a task about several invoices (a chunk or a waiting set) last
	// failed. Such a task has no entry of its own. Sealed in Redis, "" when it cannot be opened.
	Said string `redis:"said"`
}

// TenantStore keeps what is known about each tenant, and which tenants people hold.
type TenantStore struct{ *store }

// Tenant reads what is known about a tenant.
func (ts *TenantStore) Tenant(ctx context.Context, tenant string) (Tenant, error) {
	return ts.scan(tenant, ts.rdb.HGetAll(ctx, ts.key(keyTenant, tenant)))
}

// Tenants reads what is known about many tenants, with one command for each hundred. Nothing is
// known about a tenant that cannot be read.
func (ts *TenantStore) Tenants(ctx context.Context, tenants []string) (map[string]Tenant, error) {
	out := make(map[string]Tenant, len(tenants))
	for some := range slices.Chunk(tenants, waitsAtOnce) {
		args := []any{ts.prefix}
		for _, t := range some {
			args = append(args, t)
		}
		told, err := ts.run(ctx, tenantsScript, args)
		if err != nil {
			return nil, fmt.Errorf("read tenants (%d): %w", len(some), err)
		}
		for i, t := range some {
			fields, _ := cell(told, i).([]any)
			m := make(map[string]string, len(fields)/2)
			for k := 0; k+1 < len(fields); k += 2 {
				m[text(fields[k])] = text(fields[k+1])
			}
			cmd := redis.NewMapStringStringCmd(ctx)
			cmd.SetVal(m)
			if known, err := ts.scan(t, cmd); err == nil {
				out[t] = known
			}
		}
	}
	return out, nil
}

func (ts *TenantStore) scan(tenant string, fields *redis.MapStringStringCmd) (t Tenant, err error) {
	if err := fields.Scan(&t); err != nil {
		return Tenant{}, fmt.Errorf("read tenant %s: %w", tenant, err)
	}
	t.RefusedWhy, t.KeyRefused = ts.openWhy(tenant, t.RefusedWhy), ts.openWhy(tenant, t.KeyRefused)
	if said, ok := ts.openText(tenantText(tenant), t.Said); ok {
		t.Said = said
	} else {
		t.Said = ""
	}
	return t, nil
}

// openWhy returns what was said about a tenant. If this process cannot open the text, it returns a
// text that says so.
func (ts *TenantStore) openWhy(tenant, stored string) string {
	why, ok := ts.openText(tenantText(tenant), stored)
	if !ok {
		return "(" + encryptedHere + ")"
	}
	return why
}

// NoteThrough records that KSeF processed a batch session that was closed at the given time.
func (ts *TenantStore) NoteThrough(ctx context.Context, tenant string, closed Millis) error {
	return ts.noteTenant(ctx, tenant, "through", closed, 0, "")
}

// NoteAccepted records that KSeF accepts the tenant, which ends its denials.
func (ts *TenantStore) NoteAccepted(ctx context.Context, tenant string, at time.Time) error {
	return ts.noteTenant(ctx, tenant, "accepted", At(at), 0, "")
}

// NoteDenied records a session of which KSeF accepted nothing, and until when the tenant rests.
func (ts *TenantStore) NoteDenied(ctx context.Context, tenant string, till time.Time) error {
	return ts.noteTenant(ctx, tenant, "denied", At(till), 0, "")
}

// NoteAnswered410 adds to the numbers of invoices that KSeF answered with 410. own counts invoices
// in the tenant's own name, and forOthers counts those in the names of other sellers.
func (ts *TenantStore) NoteAnswered410(ctx context.Context, tenant string, own, forOthers int) error {
	if own > 0 {
		if err := ts.noteTenant(ctx, tenant, "answered", 0, own, ""); err != nil {
			return err
		}
	}
	if forOthers > 0 {
		return ts.noteTenant(ctx, tenant, "answered for others", 0, forOthers, "")
	}
	return nil
}

// NoteRefused records that KSeF refused a batch session as a whole. why is what KSeF said about the
// session, with nothing of an invoice in it.
func (ts *TenantStore) NoteRefused(ctx context.Context, tenant string, at time.Time, why string) error {
	return ts.noteTenant(ctx, tenant, "refused", At(at), 0, why)
}

// NoteKeyRefused records what KSeF said when it refused the tenant's key.
func (ts *TenantStore) NoteKeyRefused(ctx context.Context, tenant, why string) error {
	return ts.noteTenant(ctx, tenant, "key", 0, 0, why)
}

// NoteSaidOfTenant records what KSeF said when a task about several invoices of a tenant failed.
func (ts *TenantStore) NoteSaidOfTenant(ctx context.Context, tenant, said string) error {
	return ts.noteTenant(ctx, tenant, "said", 0, 0, said)
}

// TryRefused asks whether the caller may try to open a session for a tenant whose sessions are
// refused. It returns true when the last refusal or try is at least as old as the parameter pause.
// In that case it also records a new try, so only one caller gets true.
func (ts *TenantStore) TryRefused(ctx context.Context, tenant string, at time.Time, pause time.Duration) (bool, error) {
	r, err := ts.run(ctx, tenantScript, ts.args(tenant, "try", int64(At(at)), pause.Milliseconds()))
	if err != nil {
		return false, fmt.Errorf("begin a try of tenant %s: %w", tenant, err)
	}
	return number(cell(r, 0)) == 1, nil
}

// ReturnTry gives back the try that was taken at the given time and was not used. before is
// [Tenant.RefusedAt] as it was then. ReturnTry changes nothing if there was another refusal or try
// since.
func (ts *TenantStore) ReturnTry(ctx context.Context, tenant string, at time.Time, before Millis) error {
	if _, err := ts.run(ctx, tenantScript, ts.args(tenant, "untry", int64(At(at)), int64(before), "")); err != nil {
		return fmt.Errorf("return a try of tenant %s: %w", tenant, err)
	}
	return nil
}

// maxWhy is how many bytes of KSeF's words about a tenant are kept.
const maxWhy = 500

func (ts *TenantStore) noteTenant(ctx context.Context, tenant, what string, at Millis, n int, why string) error {
	sealed, err := ts.sealText(tenantText(tenant), shortened(why, maxWhy))
	if err != nil {
		return err
	}
	if _, err := ts.run(ctx, tenantScript, ts.args(tenant, what, int64(at), n, sealed)); err != nil {
		return fmt.Errorf("record %q of tenant %s: %w", what, tenant, err)
	}
	return nil
}
