package ledger

import (
	"context"
	"fmt"
	"strings"
)

// tenantTexts calls do with KSeF's words about each tenant, as far as these words are sealed.
func (ss *SealStore) tenantTexts(ctx context.Context, do func(otherText) error) error {
	tenants, err := ss.rdb.SMembers(ctx, ss.key(keyTenants)).Result()
	if err != nil && !wrongType(err) {
		return fmt.Errorf("list tenants: %w", err)
	}
	fields := []string{"refused_why", "key_refused", "said"}
	for _, tenant := range tenants {
		key := keyTenant + tenant
		row, err := ss.rdb.HMGet(ctx, ss.key(key), fields...).Result()
		if wrongType(err) {
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
	return nil
}
