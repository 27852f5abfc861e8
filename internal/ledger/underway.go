package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Underway is a session that a worker has to poll. The session is closed, or a worker has tried to
// close it, or it is an online session that is still open.
type Underway struct {
	Tenant string
	Open   bool      // it still takes invoices
	Since  time.Time // when it was closed; when it was opened, while it is open

	Deadline Millis // the nearest legal deadline of its invoices; zero: none
}

// Underways lists up to limit sessions of each state, oldest first, in two round trips. It leaves
// out the first offset sessions of each state. more says that there may be others behind those
// listed. A caller that asks with growing offsets until more is false has seen all sessions, except
// those that came or went meanwhile. An entry that cannot be read is left out.
func (ps *PackageStore) Underways(ctx context.Context, offset, limit int) (out []Underway, more bool, err error) {
	states := []PackageState{PackageOpened, PackageClosing, PackageProcessing}
	lists := make([]*redis.StringSliceCmd, len(states))
	_, err = ps.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range states {
			lists[i] = p.ZRange(ctx, ps.key(keyPackageState, string(s)), int64(offset), int64(offset+limit)-1)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list sessions: %w", err)
	}
	var cmds []*redis.SliceCmd
	err = ps.pipe(ctx, func(p redis.Pipeliner) {
		for _, list := range lists {
			more = more || len(list.Val()) == limit
			for _, id := range list.Val() {
				cmds = append(cmds, p.HMGet(ctx, ps.key(keyPackage, id),
					"tenant", "lane", "state", "opened_at", "closing_at", "deadline"))
			}
		}
	})
	if err != nil {
		return nil, false, fmt.Errorf("read sessions: %w", err)
	}
	out = make([]Underway, 0, len(cmds))
	for _, c := range cmds {
		v := c.Val()
		u := Underway{
			Tenant: text(cell(v, 0)), Open: text(cell(v, 2)) == string(PackageOpened),
			Since: Millis(number(cell(v, 4))).Time(), Deadline: Millis(number(cell(v, 5))),
		}
		if u.Open {
			if text(cell(v, 1)) != string(Express) {
				continue // its parts are being uploaded; there is nothing to poll
			}
			u.Since = Millis(number(cell(v, 3))).Time()
		}
		if u.Tenant != "" && !u.Since.IsZero() {
			out = append(out, u)
		}
	}
	return out, more, nil
}

// freshAtOnce is how many packages FreshlyCut reads in one round trip.
const freshAtOnce = 2000

// FreshlyCut returns the tenants that have a package that is cut and not opened yet. A package that
// was made from another package is left out, because it may have to wait before it is opened.
func (ps *PackageStore) FreshlyCut(ctx context.Context) (map[string]bool, error) {
	ids, err := ps.rdb.ZRange(ctx, ps.key(keyPackageState, string(PackageCut)), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	tenants := map[string]bool{}
	for chunk := range slices.Chunk(ids, freshAtOnce) {
		cmds := make([]*redis.SliceCmd, len(chunk))
		if err := ps.pipe(ctx, func(p redis.Pipeliner) {
			for i, id := range chunk {
				cmds[i] = p.HMGet(ctx, ps.key(keyPackage, id), "tenant", "parent")
			}
		}); err != nil {
			return nil, fmt.Errorf("read packages: %w", err)
		}
		for _, c := range cmds {
			if v := c.Val(); text(cell(v, 0)) != "" && text(cell(v, 1)) == "" {
				tenants[text(cell(v, 0))] = true
			}
		}
	}
	return tenants, nil
}
