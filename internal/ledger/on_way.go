package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// OnWay counts the packages of a tenant that were cut and whose outcome is not known yet. Online
// sessions are not counted.
type OnWay struct {
	Packages int
	// Cut counts those whose session is not open yet. It leaves out a package that was made after a
	// refusal, because such a package may rest for an hour before it asks for a session.
	Cut int
}

// OnWay counts the packages of each tenant, in two round trips. It reads up to limit packages of
// each state, beginning with those that moved last, so that old undecided packages delay nobody.
func (ps *PackageStore) OnWay(ctx context.Context, limit int) (map[string]OnWay, error) {
	states := []PackageState{PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing}
	lists := make([]*redis.StringSliceCmd, len(states))
	// A key that is not a sorted set is skipped, because an error here would stop the cutting of
	// packages for every tenant.
	err := ps.pipe(ctx, func(p redis.Pipeliner) {
		for i, s := range states {
			lists[i] = p.ZRevRange(ctx, ps.key(keyPackageState, string(s)), 0, int64(limit)-1)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var cmds []*redis.SliceCmd
	// An entry of another type has no answer and is skipped, so that the other packages are still
	// read.
	err = ps.pipe(ctx, func(p redis.Pipeliner) {
		for _, list := range lists {
			for _, id := range list.Val() {
				cmds = append(cmds, p.HMGet(ctx, ps.key(keyPackage, id), "tenant", "lane", "state", "parent"))
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read packages: %w", err)
	}
	out := map[string]OnWay{}
	for _, c := range cmds {
		v := c.Val()
		tenant := text(cell(v, 0))
		if tenant == "" || text(cell(v, 1)) != string(Bulk) {
			continue
		}
		way := out[tenant]
		way.Packages++
		if text(cell(v, 2)) == string(PackageCut) && text(cell(v, 3)) == "" {
			way.Cut++
		}
		out[tenant] = way
	}
	return out, nil
}
