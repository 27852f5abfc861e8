package ledger

import (
	"encoding/base64"
	"encoding/json"
)

// sealedRefusal is how an encrypted refusal stands in Redis: beside what is encrypted there is only
// what can be told without the key.
type sealedRefusal struct {
	Sealed string `json:"sealed"` // a [Refusal] in JSON, encrypted, in Base64
	At     Millis `json:"at"`
	Ended  string `json:"ended,omitempty"`
	Note   string `json:"note,omitempty"` // of one that was ended without its key
}

// refusalText keeps an encrypted refusal from being taken for anything else that has this id.
func refusalText(id string) string { return id + "|refusal" }

func (l *Ledger) packRefusal(r *Refusal) ([]byte, error) {
	if r.sealed != "" {
		return json.Marshal(sealedRefusal{Sealed: r.sealed, At: r.At, Ended: r.Ended, Note: r.Note})
	}
	plain, err := json.Marshal(r)
	if err != nil || !l.sealsReasons() {
		return plain, err
	}
	sealed, err := l.reasons.Seal(refusalText(r.ID), plain)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealedRefusal{Sealed: base64.StdEncoding.EncodeToString(sealed), At: r.At, Ended: r.Ended})
}

// unpackRefusal reads what packRefusal wrote; false when that is not to be read. It is left out then:
// it ends by itself. One that is encrypted with a key that is not here says so.
func (l *Ledger) unpackRefusal(tenant, id, packed string) (Refusal, bool) {
	var outer sealedRefusal
	if json.Unmarshal([]byte(packed), &outer) != nil {
		return Refusal{}, false
	}
	plain := []byte(packed)
	if outer.Sealed != "" {
		raw, err := base64.StdEncoding.DecodeString(outer.Sealed)
		if err == nil {
			plain, err = l.openSealed(refusalText(id), raw)
		}
		if err != nil {
			return Refusal{ID: id, Tenant: tenant, At: outer.At, Ended: outer.Ended, Note: outer.Note, sealed: outer.Sealed,
				Faults: []RefusalFault{{Rule: encryptedHere}}}, true
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
