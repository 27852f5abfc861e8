package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// A ref is the key that the sender's own program has for an invoice. Within a tenant it names one
// invoice that is alive or accepted. When that invoice has ended without a KSeF number, another
// document may take the ref, just as it may take the identity. So a corrected invoice can have the
// same ref in the sender's books.
//
// A ref may contain data by which a person can be identified. With a storage key the entry has the
// ref sealed, and the index has a digest under a key that is made from the storage key. So a
// process with the storage key can look a ref up. A person who only reads Redis cannot find out the
// ref by trying the names of customers. The digest differs with each storage key. While keys are
// rotated, every key that a process has is tried, and Reseal moves the index together with the
// sealed ref.

// refPurpose is hashed with the storage key, so that no other use of the key has the same digests.
const refPurpose = "ksefworker ref digest 1\x00"

func refText(id string) string { return id + "|ref" }

// encryptedRef is shown in place of a ref that this process cannot read.
const encryptedRef = "(the ref is encrypted, and this process does not have the key: storage.key_file)"

// refDigests returns the digests under which a ref can be indexed, without duplicates. The first
// digest is the one that is written now. The last is the digest that a ledger without a storage key
// writes.
func refDigests(st *store, tenant, ref string) []string {
	text := []byte(tenant + "\x00" + ref)
	var out []string
	if st.texts != nil {
		for i := range st.texts.keys {
			m := hmac.New(sha256.New, st.texts.keys[i].refs[:])
			m.Write(text)
			out = append(out, idEncoding.EncodeToString(m.Sum(nil)[:20]))
		}
	}
	sum := sha256.Sum256(text)
	return append(out, idEncoding.EncodeToString(sum[:20]))
}

// ByRef lists the ids of the invoices that have this ref, at most one for each of the tenants, in
// their order. With an [*UnreadableError], which names the sick keys (sick.go), there may
// be more invoices than those it returns.
func (er *EntryReader) ByRef(ctx context.Context, ref string, tenants ...string) ([]string, error) {
	if ref == "" {
		return nil, nil
	}
	var keys []string
	for _, tenant := range tenants {
		for _, digest := range refDigests(er.store, tenant, ref) {
			keys = append(keys, keyRef+digest)
		}
	}
	held := make([]*redis.StringCmd, len(keys))
	if err := er.pipe(ctx, func(p redis.Pipeliner) {
		for i, key := range keys {
			held[i] = p.Get(ctx, er.key(key))
		}
	}); err != nil {
		return nil, fmt.Errorf("look up ref: %w", err)
	}
	var ids, sick []string
	seen := map[string]bool{}
	for i, h := range held {
		if wrongType(h.Err()) {
			sick = append(sick, keys[i])
		}
		if id := h.Val(); id != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if err := sickNames(ctx, er.store, sick); err != nil {
		return ids, fmt.Errorf("look up ref: %w", err)
	}
	return ids, nil
}
