package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// sameInstant bounds how many ids of one millisecond are listed. One script gives up to two hundred
// invoices the same millisecond. Scripts of earlier builds gave it to a whole package, at most some
// ten thousand invoices.
const sameInstant = 20_000

// Latest lists up to limit places of invoices in a state, the newest change first. It begins behind
// the given place in this order, and leaves out changes that are older than the time from. With a
// zero place it begins with the newest change. A zero from means no bound. It leaves out members
// with an impossible time, which [EntryReader.Changed] lists. Latest reads no entry. The error is
// an [*UnreadableError] when the index holds something else.
func (er *EntryReader) Latest(ctx context.Context, s State, before Place, from Millis, limit int) ([]Place, error) {
	key, lowest := er.key(keyState, string(s)), "1"
	if from != 0 {
		lowest = strconv.FormatInt(int64(from), 10)
	}
	var out []Place
	read := func(highest string, limit int) error {
		found, err := er.rdb.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: lowest, Max: highest, Count: int64(limit)}).Result()
		for _, z := range found {
			id, _ := z.Member.(string)
			out = append(out, Place{Millis(z.Score), id})
		}
		return sickOr(err, keyState+string(s))
	}
	highest := strconv.FormatInt(int64(latestTime), 10)
	if before.At != 0 {
		if before.At < from {
			return nil, nil
		}
		at := strconv.FormatInt(int64(before.At), 10)
		highest = "(" + at
		// Redis orders the invoices of one millisecond by their ids, in ascending order. Latest
		// lists the last one first.
		same, err := er.rdb.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: at, Max: at, Count: sameInstant}).Result()
		if err = sickOr(err, keyState+string(s)); err != nil {
			return nil, fmt.Errorf("list %s invoices: %w", s, err)
		}
		slices.Reverse(same)
		for _, id := range same {
			if id < before.ID && len(out) < limit {
				out = append(out, Place{before.At, id})
			}
		}
	}
	if len(out) < limit {
		if err := read(highest, limit-len(out)); err != nil {
			return nil, fmt.Errorf("list %s invoices: %w", s, err)
		}
	}
	return out, nil
}

// OpenRefusalsOf reads up to limit open refusals of one tenant, the oldest first. It leaves out the
// oldest ones, as many as the parameter skip says. The tenant "" has the refusals that belong to no
// tenant.
func (rs *RefusalStore) OpenRefusalsOf(ctx context.Context, tenant string, skip, limit int) ([]Refusal, error) {
	ids, err := rs.rdb.ZRange(ctx, rs.key(keyOpenRefusals, tenant), int64(skip), int64(skip+limit-1)).Result()
	if err = sickOr(err, keyOpenRefusals+tenant); err != nil {
		return nil, fmt.Errorf("list refusals: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return rs.readRefusals(ctx, tenant, ids)
}

// CountRefusals returns how many open refusals each tenant has. The tenant "" has the refusals that
// belong to no tenant.
func (rs *RefusalStore) CountRefusals(ctx context.Context) (map[string]int64, error) {
	tenants, err := rs.refusers(ctx)
	if err != nil {
		return nil, err
	}
	cmds := make([]*redis.IntCmd, len(tenants))
	if err := rs.pipe(ctx, func(p redis.Pipeliner) {
		for i, t := range tenants {
			cmds[i] = p.ZCard(ctx, rs.key(keyOpenRefusals, t))
		}
	}); err != nil {
		return nil, fmt.Errorf("count refusals: %w", err)
	}
	out := make(map[string]int64, len(tenants))
	for i, t := range tenants {
		if n := cmds[i].Val(); n > 0 {
			out[t] = n
		}
	}
	return out, nil
}
