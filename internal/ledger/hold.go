package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// HoldKind says what a person has stopped for a tenant.
type HoldKind string

// The kinds of holds.
const (
	Paused   HoldKind = "paused"   // nothing new is sent; what was sent is followed to its end
	Draining HoldKind = "draining" // nothing new is taken in; what was taken in is sent
)

// Hold is a person's decision to pause or drain a tenant. It lasts until a person releases the
// tenant.
type Hold struct {
	Kind  HoldKind `json:"kind"`
	By    string   `json:"by"`
	Why   string   `json:"why,omitempty"` // sealed in Redis when there is a storage key
	Since Millis   `json:"since"`
}

// Hold pauses or drains a tenant. A second hold replaces the first. Since becomes the present time
// of Redis; the given one is ignored.
func (ts *TenantStore) Hold(ctx context.Context, tenant string, h Hold) error {
	now, err := ts.Clock(ctx)
	if err != nil {
		return err
	}
	h.Since = At(now)
	if h.Why, err = ts.sealText(holdText(tenant), h.Why); err != nil {
		return err
	}
	packed, _ := json.Marshal(h) // strings and a number cannot fail
	if _, err := ts.run(ctx, holdScript, ts.args(tenant, packed)); err != nil {
		return fmt.Errorf("hold tenant %s: %w", tenant, err)
	}
	return nil
}

// Release ends the hold of a tenant; false if there was none.
func (ts *TenantStore) Release(ctx context.Context, tenant string) (bool, error) {
	r, err := ts.run(ctx, holdScript, ts.args(tenant, ""))
	if err != nil {
		return false, fmt.Errorf("release tenant %s: %w", tenant, err)
	}
	return number(cell(r, 0)) == 1, nil
}

// Holds returns the holds by tenant. An unreadable hold counts as a pause, because somebody meant
// to hold the tenant back. If the key of the holds is not a hash, Holds returns no holds, because
// one damaged key must not stop every tenant.
func (ts *TenantStore) Holds(ctx context.Context) (map[string]Hold, error) {
	return ts.holdsOf(ts.rdb.HGetAll(ctx, ts.key(keyHolds)))
}

func (s *store) holdsOf(read *redis.MapStringStringCmd) (map[string]Hold, error) {
	m, err := read.Result()
	if err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	out := make(map[string]Hold, len(m))
	for tenant, packed := range m {
		var h Hold
		if json.Unmarshal([]byte(packed), &h) != nil || h.Kind != Paused && h.Kind != Draining {
			h = Hold{Kind: Paused, By: "a newer build, or nobody: this hold cannot be read"}
		}
		if why, ok := s.openText(holdText(tenant), h.Why); ok {
			h.Why = why
		} else {
			h.Why = "(" + encryptedHere + ")"
		}
		out[tenant] = h
	}
	return out, nil
}
