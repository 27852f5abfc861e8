package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A key that many entries share may hold another type than the ledger writes, because another
// program or a person wrote it. Such a key is called sick. The facts are in the entries, and the
// shared keys only serve to find the entries. So a move goes on without a sick key
// (lua/entries.lua). A list leaves out what it cannot find and names the key. The sweep reports the
// key. When a person has deleted the key, [UnreadableStore.Reindex] makes it again from the
// entries, if that is possible (see cannotBeMadeAgain).

// sharedKeys are the types of the keys that have one name, or one for each state.
var sharedKeys = func() map[string]string {
	out := map[string]string{
		keyShapes: "hash", keySellers: "set", keyDue: "zset", keyPending: "zset", keyUnreadable: "zset", keyCursors: "hash",
		keyTaskPass: "string", keyGroups: "set", keyWaitSize: "hash", keyRefusers: "set",
		keyOutbox: "stream", keyAside: "stream", keyNotKept: "hash",
		keyArchives: "set", keyTenants: "set", keyHolds: "hash", keyHome: "string", keySeals: "hash", keyFence: "string",
		keySinks: "set", keySickSeen: "string",
		keySeen: "hash", keyAudit: "stream", keyTaxpayers: "hash",
	}
	for _, s := range States() {
		out[keyState+string(s)] = "zset"
	}
	for _, s := range PackageStates() {
		out[keyPackageState+string(s)] = "zset"
	}
	return out
}()

// keyAudit is the log of what people do. Package audit writes it.
const keyAudit = "audit"

// cannotBeMadeAgain are shared keys that no process can write again from the entries.
var cannotBeMadeAgain = []string{
	keyOutbox, keyAside, keyHolds, keyHome, keySeals, keyArchives, keyRefusers, keyTenants, keySeen, keyTaxpayers,
}

// IndexOf returns the key, without the prefix, of the index of the invoices in a state.
func IndexOf(s State) string { return keyState + string(s) }

// sickKey describes a shared key that holds a value of the wrong type.
func sickKey(key string) Unreadable {
	return Unreadable{ID: key, Key: key, Opaque: true, Err: fmt.Errorf(
		"the key %s behind redis.prefix is of another type than the ledger writes there: %s", key, remedyOf(key))}
}

// RefusalsOf returns the tenant of u if u is a list of refused documents of one tenant, or a record
// in it. The tenant "" stands for the documents of no tenant.
func (u *Unreadable) RefusalsOf() (tenant string, ok bool) {
	for _, list := range []string{keyRefused, keyRefusals, keyOpenRefusals} {
		if tenant, ok := strings.CutPrefix(u.Key, list); ok {
			return cmp.Or(u.Tenant, tenant), true
		}
	}
	return "", false
}

// listsSince names the lists of what receivers may not be told. The list without a state has no
// refused documents.
const listsSince = "enqueue results --since TIME and enqueue results --since TIME --state refused list what became final since then"

func remedyOf(key string) string {
	if key == keyShapes {
		return "find out which program wrote it, then delete the key: workers that run write again what they know of it; " +
			"restore it from a backup of Redis if entries remain that cannot be read"
	}
	if key == keyAudit {
		return "what people ask for is refused until the key is well, because nothing is done that is not on record; " +
			"find out which program wrote it, then restore the key from a backup of Redis, or rename it away: the log then begins again"
	}
	if key == keyOutbox {
		return "receivers are told nothing until the key is well; outcomes are kept in " + keyAside + " meanwhile, " +
			"unless that key is sick too; find out which program wrote it, then restore the key from a backup of Redis; " +
			"outcomes that the backup lacks are told to no receiver that had not got that far, and are not counted as lost: " +
			listsSince
	}
	if key == keyAside {
		return "outcomes of the time while " + keyOutbox + " was sick were in it, and nowhere else; while both keys are sick, outcomes " +
			"are not kept; find out which program wrote it, then restore the key from a backup of Redis; if you delete it, what was in it " +
			"is told to no receiver: " + listsSince
	}
	if key == keyNotKept {
		return "nobody can say how many outcomes were not kept while " + keyOutbox + " and " + keyAside + " were sick; " +
			"find out which program wrote it, then delete the key: " + listsSince
	}
	if key == keySinks {
		return "nobody can say which storage keys are needed until the key is well; find out which program wrote it, then restore the " +
			"key from a backup of Redis, or delete it: workers that run write the names of their receivers again within seconds; " +
			"what is held for a receiver that no configuration has any more is then neither sealed again nor counted"
	}
	if strings.HasPrefix(key, keyTenant) {
		return "find out which program wrote it, then delete the key: what KSeF lately did with requests of this tenant is then forgotten"
	}
	for _, k := range sinkKeys {
		if strings.HasPrefix(key, k.key) {
			return "the receiver is told nothing until the key is well; find out which program wrote it, then " + k.remedy
		}
	}
	if strings.HasPrefix(key, keyRefused) {
		return "results and lists lack the refused documents of this tenant until the key is well; " +
			"find out which program wrote it, then restore the key from a backup of Redis, or delete it: these records are then forgotten"
	}
	if strings.HasPrefix(key, keyRevisions) {
		return "find out which program wrote it, then restore the key from a backup of Redis, or delete it: " +
			"the earlier documents of this number are then found by their ids alone"
	}
	if strings.HasPrefix(key, keyRequest) {
		return "find out which program wrote it, then delete the key: it only tells calls with the same Idempotency-Key apart, for a day"
	}
	if slices.Contains(cannotBeMadeAgain, key) || strings.HasPrefix(key, "refusals") || strings.HasPrefix(key, keyFinal) {
		return "find out which program wrote it, then restore the key from a backup of Redis"
	}
	return "find out which program wrote it, then delete the key: the sweep writes it again from the entries"
}

// sickOr returns an [*UnreadableError] about a shared key in place of Redis's error WRONGTYPE,
// which names no key. Any other error is returned unchanged.
func sickOr(err error, key string) error {
	if wrongType(err) {
		return some([]Unreadable{sickKey(key)})
	}
	return err
}

// notSick returns nil if all errors of a transaction come from writes to indexes that hold another
// type. Otherwise it returns the error. Redis does not undo the other writes of such a transaction.
func notSick(cmds []redis.Cmder, err error) error {
	if !wrongType(err) {
		return err
	}
	for _, c := range cmds {
		if c.Err() != nil && !(wrongType(c.Err()) && (c.Name() == "zadd" || c.Name() == "sadd")) {
			return c.Err()
		}
	}
	return nil
}

// SickKeys returns the shared keys that hold another type than the ledger writes, in the order of
// their names. It checks the keys of each waiting set too.
func (us *UnreadableStore) SickKeys(ctx context.Context) ([]Unreadable, error) {
	groups, err := us.rdb.SMembers(ctx, us.key(keyGroups)).Result()
	if err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	return us.sickAmong(ctx, groups)
}

// sickAmong returns the sick ones among sharedKeys, the keys of the given waiting sets, and the
// keys that were seen sick before.
func (us *UnreadableStore) sickAmong(ctx context.Context, groups []string) ([]Unreadable, error) {
	want := map[string]string{}
	for key, kind := range sharedKeys {
		want[key] = kind
	}
	seen, err := us.sickSeen(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range seen {
		if kind := kindOfName(key); kind != "" { // there are many such keys, so only those that were seen sick are looked at
			want[key] = kind
		}
	}
	for _, g := range groups {
		want[keyWait+g], want[keyWaitAge+g] = "zset", "zset"
	}
	kinds := map[string]*redis.StatusCmd{}
	if _, err := us.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for key := range want {
			kinds[key] = p.Type(ctx, us.key(key))
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	var sick []Unreadable
	for key, kind := range want {
		if is := kinds[key].Val(); is != kind && is != "none" {
			sick = append(sick, sickKey(key))
		}
	}
	slices.SortFunc(sick, func(a, b Unreadable) int { return strings.Compare(a.Key, b.Key) })
	return sick, nil
}

// kindOfName returns the type that the ledger gives a key. It knows the keys that name an invoice
// by its identity or ref, the buckets of entries, the keys of waiting sets, and the lists of
// refusals. For any other key it returns "".
func kindOfName(key string) string {
	switch {
	case strings.HasPrefix(key, keyIdentities), strings.HasPrefix(key, keyFinal), strings.HasPrefix(key, keyRefused):
		return "hash"
	case strings.HasPrefix(key, keyIdentity), strings.HasPrefix(key, keyRef):
		return "string"
	case strings.HasPrefix(key, keyRevisions):
		return "set"
	case strings.HasPrefix(key, keyWait), strings.HasPrefix(key, keyWaitAge),
		strings.HasPrefix(key, keyRefusals), strings.HasPrefix(key, keyOpenRefusals):
		return "zset"
	}
	return ""
}

// seeSickNames remembers sick keys of the kinds that kindOfName knows, so that the sweep reports
// them. There are too many such keys to check all of them. When a person has deleted a key that
// names an invoice, the sweep writes it again.
func (us *UnreadableStore) seeSickNames(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	seen, err := us.sickSeen(ctx)
	if err != nil {
		return err
	}
	all := append(keys, seen...)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == len(seen) {
		return nil
	}
	return us.rememberSick(ctx, all)
}

// sickNames returns an [*UnreadableError] about keys that name invoices and hold another type, and
// remembers these keys, so that the sweep reports them. It returns nil if there are none.
func sickNames(ctx context.Context, st *store, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys) // a bucket may have several of the names
	sick := make([]Unreadable, len(keys))
	for i, key := range keys {
		sick[i] = sickKey(key)
	}
	if err := (&UnreadableStore{store: st}).seeSickNames(ctx, keys); err != nil {
		return err
	}
	return some(sick)
}

// relist lists entries again when a shared key that was seen sick is well, or gone. The record of
// sick keys is cleared only afterwards. So if the process dies in between, another one does all of
// it again.
func (us *UnreadableStore) relist(ctx context.Context) error {
	seen, err := us.sickSeen(ctx)
	if err != nil || len(seen) == 0 {
		return err
	}
	sick, err := us.SickKeys(ctx)
	if err != nil {
		return err
	}
	still := namesOf(sick)
	if !slices.ContainsFunc(seen, func(key string) bool { return !slices.Contains(still, key) }) {
		return nil
	}
	if _, err := us.Reindex(ctx); err != nil {
		return err
	}
	if all, err := us.resize(ctx); err != nil || !all { // the next sweep tries again
		return err
	}
	return us.rememberSick(ctx, still)
}

// sickSeen returns the shared keys that were seen sick. If the key of this record is sick itself,
// it returns that key alone.
func (us *UnreadableStore) sickSeen(ctx context.Context) ([]string, error) {
	seen, err := us.rdb.Get(ctx, us.key(keySickSeen)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case wrongType(err):
		return []string{keySickSeen}, nil
	case err != nil:
		return nil, fmt.Errorf("read which keys were sick: %w", err)
	}
	return strings.Split(seen, "\n"), nil
}

func (us *UnreadableStore) rememberSick(ctx context.Context, keys []string) error {
	var err error
	if len(keys) == 0 {
		err = us.rdb.Del(ctx, us.key(keySickSeen)).Err()
	} else {
		err = us.rdb.Set(ctx, us.key(keySickSeen), strings.Join(keys, "\n"), 0).Err()
	}
	if err != nil {
		return fmt.Errorf("remember which keys were sick: %w", err)
	}
	return nil
}

func namesOf(sick []Unreadable) []string {
	names := make([]string, len(sick))
	for i, u := range sick {
		names[i] = u.Key
	}
	return names
}

// isShared reports whether a recorded key is anything but the key of an entry: a shared key, or the
// record of a refused document.
func isShared(key string) bool {
	return !strings.HasPrefix(key, keyInvoice) && !strings.HasPrefix(key, keyPackage)
}
