package ledger

import (
	"encoding/base64"
	"encoding/json"
)

// sealedRefusal is an encrypted refusal as Redis has it. Only what is needed without the key is in
// plain text.
type sealedRefusal struct {
	Sealed string `json:"sealed"` // a [Refusal] in JSON, encrypted, in Base64
	At     Millis `json:"at"`
	Ended  string `json:"ended,omitempty"`
	Note   string `json:"note,omitempty"` // of a refusal that was ended without its key
}

// refusalText is the additional data of an encrypted refusal. With it, no other sealed text with
// this id can pass for a refusal.
func refusalText(id string) string { return id + "|refusal" }

func (rs *RefusalStore) packRefusal(r *Refusal) ([]byte, error) {
	if r.sealed != "" {
		note, err := rs.sealText(noteText(r.ID), r.Note)
		if err != nil {
			return nil, err
		}
		return json.Marshal(sealedRefusal{Sealed: r.sealed, At: r.At, Ended: r.Ended, Note: note})
	}
	plain, err := json.Marshal(r)
	if err != nil || !rs.sealsTexts() {
		return plain, err
	}
	sealed, err := rs.texts.Seal(refusalText(r.ID), plain)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealedRefusal{Sealed: base64.StdEncoding.EncodeToString(sealed), At: r.At, Ended: r.Ended})
}

// unpackRefusal reads what packRefusal wrote. It returns false if the text cannot be read. The
// caller leaves such a refusal out, and it is pruned in time. If this process lacks the key of the
// refusal, unpackRefusal returns true. The refusal then has one fault, which says that it is
// encrypted.
func (rs *RefusalStore) unpackRefusal(tenant, id, packed string) (Refusal, bool) {
	var outer sealedRefusal
	if json.Unmarshal([]byte(packed), &outer) != nil {
		return Refusal{}, false
	}
	plain := []byte(packed)
	if note, ok := rs.openText(noteText(id), outer.Note); ok {
		outer.Note = note
	} else {
		outer.Note = encryptedHere
	}
	if outer.Sealed != "" {
		raw, err := base64.StdEncoding.DecodeString(outer.Sealed)
		if err == nil {
			plain, err = openSealed(rs.store, refusalText(id), raw)
		}
		if err != nil {
			return Refusal{
				ID: id, Tenant: tenant, At: outer.At, Ended: outer.Ended, Note: outer.Note, sealed: outer.Sealed,
				Faults: []RefusalFault{{Rule: encryptedHere}},
			}, true
		}
	}
	r := Refusal{}
	err := json.Unmarshal(plain, &r)
	r.ID, r.Tenant = id, tenant
	if outer.Sealed != "" {
		r.At, r.Ended = outer.At, outer.Ended
		if outer.Note != "" {
			r.Note = outer.Note
		}
	}
	return r, err == nil
}
