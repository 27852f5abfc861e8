package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Prune forgets entries that ended longer ago than retention, by Redis's clock: receipted,
// rejected, dismissed and superseded invoices, and packages that are over. It forgets up to about
// limit entries of each state, and returns how many it forgot in all. KSeF remembers invoices for
// ten years. So if a forgotten invoice is handed in again, KSeF answers 440 and the invoice is
// recovered.
func (bs *BodyStore) Prune(ctx context.Context, retention time.Duration, limit int) (int, error) {
	gone := 0
	for limit > 0 {
		piece := min(limit, prunePiece)
		r, err := bs.run(ctx, pruneScript, bs.args(piece, retention.Milliseconds()))
		if err != nil {
			return gone, fmt.Errorf("prune: %w", err)
		}
		n := int(number(cell(r, 0)))
		gone += n
		frozen, err := bs.forget(ctx, r)
		if gone += frozen; err != nil {
			return gone, fmt.Errorf("prune: %w", err)
		}
		if limit -= piece; n+len(r)/2 < piece {
			break
		}
	}
	return gone, nil
}

// forget forgets the entries in buckets that the script has found. r has their ids and values in
// pairs, behind its first element. Entries that cannot be read stay.
func (bs *BodyStore) forget(ctx context.Context, r []any) (int, error) {
	cmds, ids := make([]*redis.MapStringStringCmd, 0, len(r)/2), make([]string, 0, len(r)/2)
	for k := 1; k+1 < len(r); k += 2 {
		cmd := redis.NewMapStringStringCmd(ctx)
		cmd.SetVal(fieldsOfFrozen(text(r[k+1])))
		cmds, ids = append(cmds, cmd), append(ids, text(r[k]))
	}
	if err := loadShapesOf(ctx, bs.store, cmds); err != nil {
		return 0, err
	}
	args := bs.args()
	n := len(args)
	for i, id := range ids {
		m := cmds[i].Val()
		inv, err := bs.stored(id, cmds[i])
		if err != nil || inv.V > Version {
			continue
		}
		ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
		name, field := identityBucket(ident)
		args = append(args, id, m[frozenField], ident, name, field, rawID(id), m[refDigestField])
	}
	if len(args) == n {
		return 0, nil
	}
	r, err := bs.run(ctx, forgetScript, args)
	return int(number(cell(r, 0))), err
}

// prunePiece is how many entries of each state one script forgets. Redis serves nobody else
// meanwhile.
const prunePiece = 100
