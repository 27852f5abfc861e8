package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Underway is a session that has to be asked how it stands: closed, or tried to be, or an online one that is open.
type Underway struct {
	Tenant string
	Open   bool      // takes invoices still
	Since  time.Time // when it was closed; when it was opened, while it is open

	Deadline Millis // the nearest in it; zero: none
}

// Underways lists up to limit of the sessions of each kind, in two round trips.
func (l *Ledger) Underways(ctx context.Context, limit int) ([]Underway, error) {
	states := []PackageState{PackageOpened, PackageClosing, PackageProcessing}
	lists := make([]*redis.StringSliceCmd, len(states))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range states {
			lists[i] = p.ZRange(ctx, l.key("pst:", string(s)), 0, int64(limit)-1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	var cmds []*redis.SliceCmd
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range lists {
			for _, id := range list.Val() {
				cmds = append(cmds, p.HMGet(ctx, l.key("pkg:", id), "tenant", "lane", "state", "opened_at", "closing_at", "deadline"))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	out := make([]Underway, 0, len(cmds))
	for _, c := range cmds {
		v := c.Val()
		u := Underway{Tenant: text(cell(v, 0)), Open: text(cell(v, 2)) == string(PackageOpened), Since: Millis(number(cell(v, 4))).Time(), Deadline: Millis(number(cell(v, 5)))}
		if u.Open {
			if text(cell(v, 1)) != string(Express) {
				continue // its parts are on their way; there is nothing to ask
			}
			u.Since = Millis(number(cell(v, 3))).Time()
		}
		if u.Tenant != "" && !u.Since.IsZero() {
			out = append(out, u)
		}
	}
	return out, nil
}

// FreshlyCut tells which tenants have a package among the first limit that are cut and not opened yet. One that came of a refusal does not count: it may be waiting for an hour before it
// is opened.
func (l *Ledger) FreshlyCut(ctx context.Context, limit int) (map[string]bool, error) {
	ids, err := l.rdb.ZRange(ctx, l.key("pst:", string(PackageCut)), 0, int64(limit)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	cmds := make([]*redis.SliceCmd, len(ids))
	if _, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HMGet(ctx, l.key("pkg:", id), "tenant", "parent")
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read packages: %w", err)
	}
	tenants := map[string]bool{}
	for _, c := range cmds {
		if v := c.Val(); text(cell(v, 0)) != "" && text(cell(v, 1)) == "" {
			tenants[text(cell(v, 0))] = true
		}
	}
	return tenants, nil
}
