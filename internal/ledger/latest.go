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
// zero place it begins with the newest change. A zero from means no bound. Latest reads no entry.
// The error is an [*UnreadableError] when the index holds another type. The error also names
// invoices whose scores in the index are not valid times (scores.go). When the list has come to its
// end, each of them has been named.
func (er *EntryReader) Latest(ctx context.Context, s State, before Place, from Millis, limit int) ([]Place, error) {
	out, err := latest(ctx, er, s, before, max(from, firstTime), limit)
	if _, other := Skip(err); other != nil {
		return nil, fmt.Errorf("list %s invoices: %w", s, other)
	}
	return out, err
}

func latest(ctx context.Context, er *EntryReader, s State, before Place, from Millis, limit int) (out []Place, err error) {
	highest := strconv.FormatInt(int64(lastTime), 10)
	if before.At != 0 {
		if before.At < from {
			return nil, nil
		}
		if highest = "(" + strconv.FormatInt(int64(before.At), 10); before.At > lastTime {
			highest = strconv.FormatInt(int64(lastTime), 10)
		} else if out, err = sameInstantBehind(ctx, er, s, before, limit); err != nil {
			return nil, err
		}
	}
	key, lowest := er.key(keyState, string(s)), strconv.FormatInt(int64(from), 10)
	var unread, odd []Unreadable
	for read := 0; len(out) < limit; {
		n := limit - len(out)
		var page, low, high *redis.ZSliceCmd
		if err := er.pipe(ctx, func(p redis.Pipeliner) {
			page = p.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: lowest, Max: highest, Offset: int64(read), Count: int64(n)})
			low = p.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: beforeTimes, Count: maxOdd})
			high = p.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: afterTimes, Max: "+inf", Count: maxOdd})
		}); err != nil {
			return nil, err
		}
		if err = sickOr(page.Err(), keyState+string(s)); err != nil {
			return out, err
		}
		for _, z := range page.Val() {
			id, _ := z.Member.(string)
			if at, ok := timeOfScore(z.Score); !ok {
				odd = append(odd, oddScore(s, id, writtenScore(z.Score)))
			} else { // odd scores behind the last place are named with the next places
				unread, odd = append(unread, odd...), nil
				out = append(out, Place{at, id})
			}
		}
		if read += len(page.Val()); len(page.Val()) < n {
			return out, some(slices.Concat(unread, odd, oddOf(s, low.Val()), oddOf(s, high.Val())))
		}
	}
	return out, some(unread)
}

// sameInstantBehind lists up to limit places that stand behind the place before in the same
// millisecond. Redis orders the invoices of one millisecond by their ids, in ascending order.
// Latest lists the last one first.
func sameInstantBehind(ctx context.Context, er *EntryReader, s State, before Place, limit int) (out []Place, err error) {
	at := strconv.FormatInt(int64(before.At), 10)
	same, err := er.rdb.ZRangeByScore(ctx, er.key(keyState, string(s)), &redis.ZRangeBy{Min: at, Max: at, Count: sameInstant}).Result()
	slices.Reverse(same)
	for _, id := range same {
		if id < before.ID && len(out) < limit {
			out = append(out, Place{before.At, id})
		}
	}
	return out, sickOr(err, keyState+string(s))
}

// OpenRefusalsOf reads up to limit open refusals of one tenant, the oldest first. It leaves out the
// oldest skip of them. The tenant "" has the refusals that belong to no tenant.
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
// belong to no tenant. With an [*UnreadableError] it returns the counts of the lists that can be
// read.
func (rs *RefusalStore) CountRefusals(ctx context.Context) (map[string]int64, error) {
	tenants, sick, err := rs.refusers(ctx)
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
		if wrongType(cmds[i].Err()) {
			sick = append(sick, sickKey(keyOpenRefusals+t))
		}
	}
	return out, some(sick)
}
