package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// reindexAtOnce is how many keys Redis goes through, more or less, for one step of Reindex.
const reindexAtOnce = 1000

// Reindex puts every entry back into the indexes that have lost it, and returns how many places
// were missing. It is needed after a person had to delete an index. A thousand entries take Redis a
// few milliseconds in all. Redis serves other clients in between, because one call of the script
// has at most moveBatch entries.
func (us *UnreadableStore) Reindex(ctx context.Context) (int, error) {
	n := 0
	for _, kind := range []string{keyInvoice, keyPackage, keyFinal} {
		for cursor := uint64(0); ; {
			keys, next, err := us.rdb.Scan(ctx, cursor, globText(us.key(kind))+"*", reindexAtOnce).Result()
			if err != nil {
				return n, fmt.Errorf("put entries back into the indexes: %w", err)
			}
			ids := make([]string, len(keys))
			for i, key := range keys {
				ids[i] = strings.TrimPrefix(key, us.key(kind))
			}
			again := us.reindex
			if kind == keyFinal {
				again = us.reindexBuckets
			}
			missing, err := again(ctx, kind, ids)
			if n += missing; err != nil {
				return n, err
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return n, nil
}

// reindexBuckets puts the entries in some buckets back into the indexes, and their identities too.
// names are the names of the buckets. It returns how many places were missing.
func (us *UnreadableStore) reindexBuckets(ctx context.Context, kind string, names []string) (int, error) {
	n := 0
	for _, name := range names {
		for cursor := uint64(0); ; {
			fields, next, err := us.rdb.HScan(ctx, us.key(keyFinal, name), cursor, "", reindexAtOnce).Result()
			if wrongType(err) {
				break
			}
			if err != nil {
				return n, fmt.Errorf("put entries back into the indexes: %w", err)
			}
			var ids []string
			for i := 0; i+1 < len(fields); i += 2 {
				if id := idIn(name, fields[i]); id != "" {
					ids = append(ids, id)
				}
			}
			missing, err := us.reindex(ctx, kind, ids)
			if n += missing; err != nil {
				return n, err
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return n, nil
}

// reindex puts entries of one kind back into the indexes, and returns how many places were missing.
func (us *UnreadableStore) reindex(ctx context.Context, kind string, ids []string) (int, error) {
	changed := map[string][2]int64{} // revision, time of the last change
	sellers, idents := map[string]bool{}, map[string]string{}
	if kind != keyPackage {
		invs, err := us.entries.Invoices(ctx, ids)
		if _, err = Skip(err); err != nil {
			return 0, err
		}
		for _, inv := range invs {
			changed[inv.ID], sellers[inv.NIP+"|"+inv.Kind] = [2]int64{inv.Rev, int64(inv.UpdatedAt)}, true
			idents[inv.ID] = Identity{inv.NIP, inv.Kind, inv.Number}.digest()
		}
	} else {
		pkgs, err := us.entries.Packages(ctx, ids)
		if _, err = Skip(err); err != nil {
			return 0, err
		}
		for _, p := range pkgs {
			changed[p.ID] = [2]int64{p.Rev, int64(p.UpdatedAt)}
		}
	}
	for seller := range sellers {
		if err := us.rdb.SAdd(ctx, us.key(keySellers), seller).Err(); err != nil && !wrongType(err) {
			return 0, fmt.Errorf("put sellers back into the list of sellers: %w", err)
		}
	}
	n := 0
	for chunk := range slices.Chunk(ids, moveBatch) {
		args := us.args(kind)
		for _, id := range chunk {
			if c, ok := changed[id]; ok {
				args = append(args, id, c[0], c[1], idents[id])
			}
		}
		r, err := us.run(ctx, reindexScript, args)
		if err != nil {
			return n, fmt.Errorf("put entries back into the indexes: %w", err)
		}
		n += int(number(cell(r, 0)))
	}
	return n, nil
}
