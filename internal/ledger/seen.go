package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Seen says that somebody has looked at an open item, so that the next person need not. The zero
// value says that nobody has. The mark changes nothing about the item, and goes when the item
// closes.
type Seen struct {
	By string
	At Millis // by Redis's clock
}

// Of returns the mark s if the item has not changed since it was marked, otherwise the zero value.
// changed is when the item last changed.
func (s Seen) Of(changed Millis) Seen {
	if s.At < changed {
		return Seen{}
	}
	return s
}

// OpenName names an open item. An invoice is named by its id, and a refusal by its id and the
// tenant in whose list it is.
type OpenName struct{ ID, Tenant string }

// NameOfOpen names an invoice.
func (i *Invoice) NameOfOpen() OpenName { return OpenName{ID: i.ID} }

// NameOfOpen names a refusal.
func (r *Refusal) NameOfOpen() OpenName { return OpenName{ID: r.ID, Tenant: r.Tenant} }

func (n OpenName) field() string {
	if strings.HasPrefix(n.ID, refusalPrefix) {
		return n.Tenant + "|" + n.ID
	}
	return n.ID
}

// SeenStore keeps who has seen which open items.
type SeenStore struct{ *store }

// maxSeenBy is how many bytes of a name are kept.
const maxSeenBy = 200

// MarkSeen records that somebody has seen open items. If by is empty, the marks are removed.
// MarkSeen reports for each item whether it is open. Only open items have a mark.
func (ss *SeenStore) MarkSeen(ctx context.Context, by string, items ...OpenName) ([]bool, error) {
	done := make([]bool, 0, len(items))
	for len(items) > 0 {
		n := min(len(items), moveBatch)
		args := ss.args(shortened(by, maxSeenBy))
		for _, it := range items[:n] {
			args = append(args, it.ID, it.Tenant)
		}
		r, err := ss.run(ctx, seenScript, args)
		if err != nil {
			return nil, fmt.Errorf("mark as seen: %w", err)
		}
		for i := range items[:n] {
			done = append(done, number(cell(r, i)) == 1)
		}
		items = items[n:]
	}
	return done, nil
}

// SeenOf returns the marks of items, in the same order. [Seen.Of] says whether a mark still counts.
func (ss *SeenStore) SeenOf(ctx context.Context, items ...OpenName) ([]Seen, error) {
	out := make([]Seen, len(items))
	if len(items) == 0 {
		return out, nil
	}
	fields := make([]string, len(items))
	for i, it := range items {
		fields[i] = it.field()
	}
	found, err := ss.rdb.HMGet(ctx, ss.key(keySeen), fields...).Result()
	if wrongType(err) {
		return out, nil // the key is sick, as the sweep reports; open items are listed without marks
	}
	if err != nil {
		return nil, fmt.Errorf("read what was seen: %w", err)
	}
	for i, v := range found {
		at, by, _ := strings.Cut(text(v), " ")
		if ms, err := strconv.ParseInt(at, 10, 64); err == nil {
			out[i] = Seen{By: by, At: Millis(ms)}
		}
	}
	return out, nil
}

// unsee takes away the marks of refusals, in the pipeline that closes the refusals.
func unsee(ctx context.Context, p redis.Pipeliner, key, tenant string, ids []string) *redis.IntCmd {
	fields := make([]string, len(ids))
	for i, id := range ids {
		fields[i] = OpenName{ID: id, Tenant: tenant}.field()
	}
	return p.HDel(ctx, key, fields...)
}

// seenApart returns the error of a pipeline. It leaves out the error of taking marks away when the
// key of the marks holds a value of the wrong type.
func seenApart(cmds []redis.Cmder, unseen *redis.IntCmd, err error) error {
	if err == nil || !wrongType(unseen.Err()) {
		return err
	}
	for _, c := range cmds {
		if c != redis.Cmder(unseen) && c.Err() != nil {
			return c.Err()
		}
	}
	return nil
}
