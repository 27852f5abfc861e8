package ledger

import (
	"context"
	"encoding/json"
	"fmt"
)

// HoldKind is what a person keeps a tenant from.
type HoldKind string

// The kinds of holds.
const (
	Paused   HoldKind = "paused"   // nothing new of it is sent; what is on its way is followed to its end
	Draining HoldKind = "draining" // nothing new of it is taken in; what was taken is sent
)

// Hold is a person's word about a tenant, until it is taken back.
type Hold struct {
	Kind  HoldKind `json:"kind"`
	By    string   `json:"by"`
	Why   string   `json:"why,omitempty"`
	Since Millis   `json:"since"`
}

// Hold keeps a tenant from something. A second hold takes the place of the first. Since is Redis's
// time, whatever is given.
func (l *Ledger) Hold(ctx context.Context, tenant string, h Hold) error {
	now, err := l.Clock(ctx)
	if err != nil {
		return err
	}
	h.Since = At(now)
	packed, _ := json.Marshal(h) // strings and a number cannot fail
	if _, err := l.run(ctx, holdScript, l.args(tenant, packed)); err != nil {
		return fmt.Errorf("hold tenant %s: %w", tenant, err)
	}
	return nil
}

// Release takes a hold back; false when there was none.
func (l *Ledger) Release(ctx context.Context, tenant string) (bool, error) {
	r, err := l.run(ctx, holdScript, l.args(tenant, ""))
	if err != nil {
		return false, fmt.Errorf("release tenant %s: %w", tenant, err)
	}
	return number(cell(r, 0)) == 1, nil
}

// Holds lists the tenants that are held. A hold that cannot be read counts as a pause: whoever set it
// did not want the tenant to go on as if there were none. A key that is no hash at all holds nobody:
// no hold can have been set in it, and it must not stop every tenant.
func (l *Ledger) Holds(ctx context.Context) (map[string]Hold, error) {
	m, err := l.rdb.HGetAll(ctx, l.key(keyHolds)).Result()
	if err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	out := make(map[string]Hold, len(m))
	for tenant, packed := range m {
		var h Hold
		if json.Unmarshal([]byte(packed), &h) != nil || h.Kind != Paused && h.Kind != Draining {
			h = Hold{Kind: Paused, By: "a newer build, or nobody: this hold cannot be read"}
		}
		out[tenant] = h
	}
	return out, nil
}
