package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The packed entry of a receipted invoice is one field of a hash that it shares with others. Such a
// hash is called a bucket. If each entry had a key of its own, the names of the keys would take a
// third of the memory. Two characters of the id name the bucket, and the bytes of the id after the
// first are the field. The identity of the invoice is in a bucket, too. Buckets of identities are
// small, so Redis keeps them as listpacks.
//
// Scripts can read the values of buckets but cannot change them. So an entry must leave its bucket
// before it changes (thaw). It goes back when the sweep packs it again. A reader looks for the
// entry's own key first and then into the bucket, because an entry moves into its bucket in one
// step. Long lists look into the buckets first ([EntryReader.Listed]).

// inBuckets reports whether an id has the form of ids whose entries may be in buckets.
func inBuckets(id string) bool {
	return len(id) == 28 && strings.HasPrefix(id, "inv-") && len(rawID(id)) == 15
}

// rawID returns the bytes that an id is made of. It returns nil if the id has another form.
func rawID(id string) []byte {
	raw, err := idEncoding.DecodeString(strings.TrimPrefix(id, "inv-"))
	if err != nil {
		return nil
	}
	return raw
}

// bucketOf returns the key of the bucket of an entry, and its field there.
func (st *store) bucketOf(id string) (key, field string) {
	return st.key(keyFinal, id[4:6]), string(rawID(id)[1:])
}

// bucketNames returns every name that a bucket can have.
func bucketNames() []string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567" // those of idEncoding
	names := make([]string, 0, len(letters)*len(letters))
	for _, a := range letters {
		for _, b := range letters {
			names = append(names, string(a)+string(b))
		}
	}
	return names
}

// idIn returns the id of the entry that is in a bucket of this name under this field. It returns ""
// if no id fits.
func idIn(name, field string) string {
	start, err := idEncoding.DecodeString(name + "aaaaaa")
	if err != nil || len(start) == 0 {
		return ""
	}
	id := idOf(string(start[:1]) + field)
	if id == "" || id[4:6] != name {
		return ""
	}
	return id
}

// identityBucket returns the name of the bucket of an identity, and the field of the identity
// there. In the key, the name follows keyIdentities.
func identityBucket(digest string) (name, field string) {
	raw, err := idEncoding.DecodeString(digest)
	if err != nil || len(raw) != digestSize {
		return "", ""
	}
	return digest[:3], string(raw[1:16])
}

// readEntries reads entries with all their fields, wherever they are. A missing entry has no
// fields. A command has an error of its own only if the key holds a value of the wrong type.
func (st *store) readEntries(ctx context.Context, ids []string) ([]*redis.MapStringStringCmd, error) {
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	read := func(which []int) error {
		return st.pipe(ctx, func(p redis.Pipeliner) {
			for _, i := range which {
				cmds[i] = p.HGetAll(ctx, st.key(keyInvoice, ids[i]))
			}
		})
	}
	all := make([]int, len(ids))
	for i := range all {
		all[i] = i
	}
	if err := read(all); err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(all, func(i int) bool { return cmds[i].Err() != nil || len(cmds[i].Val()) > 0 || !inBuckets(ids[i]) })
	if len(missing) == 0 {
		return cmds, nil
	}
	values, err := frozenOf(ctx, st, st.rdb, ids, missing)
	if err != nil {
		return nil, err
	}
	var gone []int
	for k, i := range missing {
		switch {
		case wrongType(values[k].Err()):
			cmds[i].SetErr(values[k].Err())
		case values[k].Val() != "":
			cmds[i].SetVal(fieldsOfFrozen(values[k].Val()))
		default:
			gone = append(gone, i)
		}
	}
	if len(gone) == 0 {
		return cmds, nil
	}
	return cmds, read(gone) // an entry may have left its bucket in between
}

// frozenOf reads, for each index i in which, the value of the entry ids[i] from its bucket.
func frozenOf(ctx context.Context, st *store, rdb pipeliner, ids []string, which []int) ([]*redis.StringCmd, error) {
	values := make([]*redis.StringCmd, len(which))
	return values, pipe(ctx, rdb, func(p redis.Pipeliner) { askBuckets(ctx, st, p, ids, which, values) })
}

// askBuckets adds the commands of frozenOf to a pipeline, and stores them in values.
func askBuckets(ctx context.Context, st *store, p redis.Pipeliner, ids []string, which []int, values []*redis.StringCmd) {
	for k, i := range which {
		key, field := st.bucketOf(ids[i])
		values[k] = p.HGet(ctx, key, field)
	}
}

// thaw moves entries out of their buckets, each into a key of its own, so that scripts can change
// them. Entries that cannot be read stay. It returns how many it moved.
func (st *store) thaw(ctx context.Context, ids []string) (int, error) {
	cmds, err := st.readEntries(ctx, ids)
	if err != nil {
		return 0, fmt.Errorf("take entries out of their buckets: %w", err)
	}
	if err := loadShapesOf(ctx, st, cmds); err != nil {
		return 0, err
	}
	args := st.args()
	n := len(args)
	for i, id := range ids {
		value := cmds[i].Val()[frozenField]
		if value == "" {
			continue
		}
		inv, err := st.stored(id, cmds[i])
		if err != nil {
			continue
		}
		f, _ := unpackFrozen(value) // no error, because stored has unpacked it already
		fields := []any{"state", string(Receipted), "rev", f.rev, "facts", finalFacts, identField, identBytes(&inv)}
		if f.heads != "" {
			fields = append(fields, headsField, f.heads)
		}
		if f.ref != "" {
			fields = append(fields, refDigestField, f.ref)
		}
		fields = appendPieces(fields, f.record)
		args = append(append(args, id, value, len(fields)), fields...)
	}
	if len(args) == n {
		return 0, nil
	}
	r, err := st.run(ctx, thawScript, args)
	if err != nil {
		return 0, fmt.Errorf("take entries out of their buckets: %w", err)
	}
	return int(number(cell(r, 0))), nil
}

// identityCmds are the answers about identities, from their own keys and from their buckets.
type identityCmds struct{ own, bucket []*redis.StringCmd }

// readIdentities reads which documents have these identities. An identity goes into a bucket in one
// step, and never back. So its own key is read first: if the key is gone, the identity is in its
// bucket.
func (st *store) readIdentities(ctx context.Context, digests []string) (*identityCmds, error) {
	c := &identityCmds{make([]*redis.StringCmd, len(digests)), make([]*redis.StringCmd, len(digests))}
	return c, st.pipe(ctx, func(p redis.Pipeliner) {
		for i, d := range digests {
			c.own[i] = p.Get(ctx, st.key(keyIdentity, d))
		}
		for i, d := range digests {
			name, field := identityBucket(d)
			c.bucket[i] = p.HGet(ctx, st.key(keyIdentities, name), field)
		}
	})
}

// id returns the newest document of the identity at i; "" if there is none.
func (c *identityCmds) id(i int) string {
	if id := c.own[i].Val(); id != "" {
		return id
	}
	return idOf(c.bucket[i].Val())
}

// sick reports whether a key that may name a document of the identity at i holds another type.
func (c *identityCmds) sick(i int) bool {
	return wrongType(c.own[i].Err()) || wrongType(c.bucket[i].Err())
}

// sickKeys returns the keys, without the prefix, that may name a document of the identity at i and
// hold another type. digest is the digest of that identity.
func (c *identityCmds) sickKeys(i int, digest string) (keys []string) {
	if wrongType(c.own[i].Err()) {
		keys = append(keys, keyIdentity+digest)
	}
	if wrongType(c.bucket[i].Err()) {
		name, _ := identityBucket(digest)
		keys = append(keys, keyIdentities+name)
	}
	return keys
}

// idOf returns the id that is made of these bytes. It returns "" if there are not 15 of them.
func idOf(raw string) string {
	if len(raw) != 15 {
		return ""
	}
	return "inv-" + idEncoding.EncodeToString([]byte(raw))
}
