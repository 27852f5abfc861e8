package ledger

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// namesIn reads keys that each name an invoice. An id is "" if its key does not exist. sick has the
// keys that hold another type, by their place in keys; their ids are "" too. The keys are not read
// with MGET, because MGET reports a sick key as missing. Take would then overwrite a key that may
// have named an accepted invoice.
func namesIn(ctx context.Context, tx *redis.Tx, keys []string) (ids []string, sick map[int]string, err error) {
	cmds := make([]*redis.StringCmd, len(keys))
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		for i, key := range keys {
			cmds[i] = p.Get(ctx, key)
		}
	}); err != nil {
		return nil, nil, err
	}
	ids, sick = make([]string, len(keys)), map[int]string{}
	for i, c := range cmds {
		if ids[i] = c.Val(); wrongType(c.Err()) {
			sick[i] = keys[i]
		}
	}
	return ids, sick, nil
}

// noteSickNames marks the invoices of a batch whose identity or ref is under a sick key. It returns
// these keys without the prefix. ids are the ids of the batch. If a marked invoice has an entry,
// the caller reads the entry afterwards, and the entry replaces the mark.
func (ts *TakeStore) noteSickNames(s present, ids []string, sick ...map[int]string) []string {
	var keys []string
	for _, of := range sick {
		for i, key := range of {
			name := strings.TrimPrefix(key, ts.prefix)
			s.entries[ids[i]] = holder{id: ids[i], unread: true, sick: name}
			keys = append(keys, name)
		}
	}
	return keys
}
