package ledger

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Reseal seals texts again with the first key, if this process has several keys. Without Reseal, an
// old key would be needed until the last entry that it sealed is forgotten, and that may never
// happen. Documents are not sealed again, because most of them leave Redis with their receipt.
//
// Reseal looks at up to limit entries of each state, and begins behind the last entry that any
// process looked at. It also looks at every refusal, hold and tenant, and at every outcome that is
// held for a sink or was given up. It returns how many texts it sealed again. All texts of a packed
// entry count as one text, like all texts of one record of a sink. A text that this process cannot
// open stays as it is. If keys are sick, Reseal seals the texts under the other keys, and returns
// an [*UnreadableError].
func (ss *SealStore) Reseal(ctx context.Context, limit int) (int, error) {
	if !ss.rotatesTexts() {
		return 0, nil
	}
	n := 0
	sick, err := ss.sickIndexes(ctx)
	if err != nil {
		return n, err
	}
	for _, index := range entryIndexes() {
		r, err := ss.run(ctx, nextScript, ss.args(index, limit, int64(1)<<53, "reseal:"))
		if err != nil {
			return n, fmt.Errorf("list %s: %w", index, err)
		}
		for ids := range slices.Chunk(r, resealPage) {
			sealed, err := ss.resealEntries(ctx, index, ids)
			if n += sealed; err != nil {
				return n, fmt.Errorf("seal texts again: %w", err)
			}
		}
	}
	var args []any
	err = ss.otherTexts(ctx, func(o otherText) error {
		packed, ok := ss.resealed(o.aad, o.packed)
		if !ok {
			return nil
		}
		value, err := o.with(packed)
		args = append(args, o.key, o.field, o.value, value, "")
		return err
	})
	err = skipSick(&sick, err)
	for chunk := range slices.Chunk(args, 5*resealPage) {
		if err == nil {
			var sealed int
			sealed, err = ss.replaceTexts(ctx, chunk)
			n += sealed
		}
	}
	if err != nil {
		return n, err
	}
	sealed, err := ss.resealSinks(ctx)
	err = skipSick(&sick, err)
	return n + sealed, cmp.Or(err, some(sick))
}

// skipSick appends the keys of an [*UnreadableError] to sick and returns nil, so that the caller
// goes on with other keys. It returns any other error unchanged.
func skipSick(sick *[]Unreadable, err error) error {
	named, err := Skip(err)
	*sick = append(*sick, named...)
	return err
}

// sickIndexes returns the sick keys among the indexes of invoices and packages and the buckets of
// entries. The scripts find nothing in these.
func (ss *SealStore) sickIndexes(ctx context.Context) ([]Unreadable, error) {
	keys := entryIndexes()
	for _, name := range bucketNames() {
		keys = append(keys, keyFinal+name)
	}
	kinds := make([]*redis.StatusCmd, len(keys))
	if _, err := ss.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			kinds[i] = p.Type(ctx, ss.key(key))
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	var sick []Unreadable
	for i, key := range keys {
		if is := kinds[i].Val(); is != kindOf(key) && is != "none" {
			sick = append(sick, sickKey(key))
		}
	}
	return sick, nil
}

// resealPage bounds one script and one pipeline.
const resealPage = 500

func (ss *SealStore) resealEntries(ctx context.Context, index string, ids []any) (int, error) {
	kind, fields := keyInvoice, append([]string{"reason", "said", "facts", headsField, shapeField}, pieceFields...)
	if strings.HasPrefix(index, keyPackageState) {
		kind, fields = keyPackage, fields[:2]
	}
	rows := make([]*redis.SliceCmd, len(ids))
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range ids {
			rows[i] = p.HMGet(ctx, ss.key(kind, text(id)), fields...)
		}
	}); err != nil {
		return 0, err
	}
	var args []any
	var packed []string
	if err := loadShapes(ctx, ss.store, ss.livingRecords(rows)); err != nil {
		return 0, err
	}
	for i, id := range ids {
		id, v := text(id), rows[i].Val()
		key := kind + id
		receipted := index == keyState+string(Receipted)
		if receipted && text(cell(v, 2)) == finalFacts {
			if text(cell(v, 3)) != "" {
				packed = append(packed, id)
			}
			continue
		}
		if receipted && text(cell(v, 2)) == "" { // it may be in a bucket
			packed = append(packed, id)
		}
		for j, aad := range []string{reasonText(id), saidText(id)} {
			if was := text(cell(v, j)); isSealedText(was) {
				if packed, ok := ss.resealed(aad, was[len(sealedText):]); ok {
					args = append(args, key, fields[j], was, sealedText+packed, "")
				}
			}
		}
		if was := text(cell(v, 2)); was == finalFacts && text(cell(v, 3)) != "" {
			args = ss.appendResealedRecord(args, id, text(cell(v, 3)), recordOfRow(v))
		} else if was != "" && was != finalFacts {
			if now, digest := ss.resealedFacts(id, was); now != was {
				args = append(args, key, "facts", was, now, digest)
			}
		}
	}
	n, err := ss.compact(ctx, packed, ss.resealPacked)
	if err != nil {
		return n, err
	}
	sealed, err := ss.replaceTexts(ctx, args)
	return n + sealed, err
}

// resealPacked seals the texts of a packed entry with the first key.
func (ss *SealStore) resealPacked(inv *Invoice) (digest string, changed bool) {
	for _, t := range []struct {
		text *string
		aad  string
	}{{&inv.File, fileText(inv.ID)}, {&inv.Ref, refText(inv.ID)}, {&inv.Reason, reasonText(inv.ID)}} {
		old, sealed := strings.CutPrefix(*t.text, sealedText)
		if !sealed {
			continue
		}
		packed, ok := ss.resealed(t.aad, old)
		if !ok {
			continue
		}
		*t.text, changed = sealedText+packed, true
		if t.text == &inv.Ref {
			if ref, ok := ss.openText(t.aad, inv.Ref); ok {
				digest = refDigests(ss.store, inv.Tenant, ref)[0]
			}
		}
	}
	return digest, changed
}

// resealedFacts returns facts in which the file name and the ref are sealed with the first key. It
// also returns the digest of the ref under that key. The digest is "" if the ref is not sealed
// again. Only these texts are replaced, because a newer build may have facts that this one does not
// know.
func (ss *SealStore) resealedFacts(id, facts string) (now, digest string) {
	now = facts
	for _, one := range []struct{ field, aad string }{{"file", fileText(id)}, {"ref", refText(id)}} {
		_, rest, ok := strings.Cut(facts, `"`+one.field+`":"`+sealedText)
		if !ok {
			continue
		}
		old, _, _ := strings.Cut(rest, `"`)
		packed, ok := ss.resealed(one.aad, old)
		if !ok {
			continue
		}
		now = strings.Replace(now, old, packed, 1)
		if one.field == "ref" {
			digest = ss.digestOf(id, facts)
		}
	}
	return now, digest
}

// digestOf returns the digest under which the ref of packed facts is indexed with the first key.
func (ss *SealStore) digestOf(id, facts string) string {
	var inv Invoice
	if inv.unpackFacts(facts) != nil {
		return ""
	}
	ref, ok := ss.openText(refText(id), inv.Ref)
	if !ok {
		return ""
	}
	return refDigests(ss.store, inv.Tenant, ref)[0]
}

func (ss *SealStore) replaceTexts(ctx context.Context, args []any) (int, error) {
	if len(args) == 0 {
		return 0, nil
	}
	r, err := ss.run(ctx, resealScript, ss.args(args...))
	return int(number(cell(r, 0))), err
}

// resealed seals a text in Base64 again with the first key. It returns false if the text is already
// sealed with that key, or if this process cannot open it.
func (ss *SealStore) resealed(aad, packed string) (string, bool) {
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil || SealOf(raw) == ss.texts.keys[0].id.String() {
		return "", false
	}
	plain, err := ss.texts.Open(aad, raw)
	if err != nil {
		return "", false
	}
	sealed, err := ss.texts.Seal(aad, plain)
	if err != nil {
		return "", false
	}
	return base64.StdEncoding.EncodeToString(sealed), true
}
