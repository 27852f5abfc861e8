package ledger

import (
	"context"
	"fmt"
	"strings"
)

// tenantTexts calls do with KSeF's words about each tenant, as far as these words are sealed.
// If keys are sick, it calls do with the texts under the other keys, and returns an
// [*UnreadableError].
func (ss *SealStore) tenantTexts(ctx context.Context, do func(otherText) error) error {
	tenants, err := ss.rdb.SMembers(ctx, ss.key(keyTenants)).Result()
	if err != nil {
		return fmt.Errorf("list tenants: %w", sickOr(err, keyTenants))
	}
	var sick []Unreadable
	fields := []string{"refused_why", "key_refused", "said"}
	for _, tenant := range tenants {
		key := keyTenant + tenant
		row, err := ss.rdb.HMGet(ctx, ss.key(key), fields...).Result()
		if wrongType(err) {
			sick = append(sick, sickKey(key))
			continue
		}
		if err != nil {
			return fmt.Errorf("read tenant %s: %w", tenant, err)
		}
		for i, field := range fields {
			packed, ok := strings.CutPrefix(text(cell(row, i)), sealedText)
			if !ok {
				continue
			}
			err := do(otherText{key: key, field: field, value: sealedText + packed, aad: tenantText(tenant), packed: packed,
				with: func(packed string) ([]byte, error) { return []byte(sealedText + packed), nil }})
			if err != nil {
				return err
			}
		}
	}
	return some(sick)
}
