package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// otherText is a sealed text that is not a field of an invoice or a package.
type otherText struct {
	key, field, value string // where it is stored, and the whole value of the field
	aad, packed       string // its additional data; the sealed text in Base64
	with              func(packed string) ([]byte, error)
}

// otherTexts calls do with the sealed texts of refusals, holds and tenants. It leaves out texts
// that cannot be read. If keys are sick, it calls do with the texts under the other keys, and
// returns an [*UnreadableError].
func (ss *SealStore) otherTexts(ctx context.Context, do func(otherText) error) error {
	tenants, sick, err := ss.refusals.refusers(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		err := ss.eachField(ctx, keyRefused+t, func(id, value string) error {
			var outer sealedRefusal
			if json.Unmarshal([]byte(value), &outer) != nil || outer.Sealed == "" {
				return nil
			}
			o := otherText{key: keyRefused + t, field: id, value: value}
			if note, ok := strings.CutPrefix(outer.Note, sealedText); ok {
				o.aad, o.packed = noteText(id), note
				o.with = func(packed string) ([]byte, error) {
					outer.Note = sealedText + packed
					next, err := json.Marshal(outer)
					value = string(next) // the refusal itself is sealed again in the value with the new note
					return next, err
				}
				if err := do(o); err != nil {
					return err
				}
				o.value = value
			}
			o.aad, o.packed = refusalText(id), outer.Sealed
			o.with = func(packed string) ([]byte, error) { outer.Sealed = packed; return json.Marshal(outer) }
			return do(o)
		})
		if err = skipSick(&sick, err); err != nil {
			return err
		}
	}
	if err := skipSick(&sick, ss.tenantTexts(ctx, do)); err != nil {
		return err
	}
	err = ss.eachField(ctx, keyHolds, func(tenant, value string) error {
		var h Hold
		if json.Unmarshal([]byte(value), &h) != nil {
			return nil
		}
		why, ok := strings.CutPrefix(h.Why, sealedText)
		if !ok {
			return nil
		}
		return do(otherText{key: keyHolds, field: tenant, value: value, aad: holdText(tenant), packed: why,
			with: func(packed string) ([]byte, error) { h.Why = sealedText + packed; return json.Marshal(h) }})
	})
	err = skipSick(&sick, err)
	return cmp.Or(err, some(sick))
}

// eachField reads the fields of a hash in pages. It returns an [*UnreadableError] if the key is
// sick.
func (ss *SealStore) eachField(ctx context.Context, key string, do func(field, value string) error) error {
	for cursor := uint64(0); ; {
		page, next, err := ss.rdb.HScan(ctx, ss.key(key), cursor, "", resealPage).Result()
		if err != nil {
			return fmt.Errorf("read sealed texts: %w", sickOr(err, key))
		}
		for i := 0; i+1 < len(page); i += 2 {
			if err := do(page[i], page[i+1]); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
