package ledger

import (
	"errors"
	"fmt"
	"strings"
)

// A value in a bucket is a sequence of six parts:
//   - the layout
//   - the revision as text, with a space behind it
//   - one byte: the number of heads (see headsOf), and in the highest bit whether the invoice has a
//     ref
//   - the digest of the ref, only if the invoice has a ref
//   - the heads
//   - the record

const (
	frozenLayout = "\x02"
	// newestFrozen is the newest layout that a value may ever have. A text begins with a greater
	// byte.
	newestFrozen = "\x08"
	frozenRef    = 0x80 // the bit that says that there is the digest of a ref
	digestSize   = 20   // bytes of the digest of an identity or a ref

	// frozenField is a field that readers add to the fields of an entry that they found in a
	// bucket. It has the value of the bucket, unchanged.
	frozenField = "frozen"
)

// frozen is a value of a bucket.
type frozen struct {
	rev    string
	ref    string // digest of the ref as it is in keys; "" if the invoice has none
	heads  string
	record []byte
}

// pack returns f in the form in which a bucket has it.
func (f frozen) pack() (string, error) {
	if len(f.heads)%sealHead != 0 || len(f.heads)/sealHead >= frozenRef {
		return "", errRecord
	}
	b := append([]byte(frozenLayout+f.rev+" "), byte(len(f.heads)/sealHead))
	if f.ref != "" {
		raw, err := idEncoding.DecodeString(f.ref)
		if err != nil || len(raw) != digestSize || idEncoding.EncodeToString(raw) != f.ref {
			return "", errRecord
		}
		b[len(b)-1] |= frozenRef
		b = append(b, raw...)
	}
	return string(append(append(b, f.heads...), f.record...)), nil
}

// unpackFrozen reads a value. It returns [ErrNewer] if a newer build wrote the value. Then only the
// revision is certain.
func unpackFrozen(value string) (f frozen, err error) {
	if value == "" {
		return f, errRecord
	}
	switch layout := value[:1]; {
	case layout == frozenLayout:
		return unpackParts(value[1:])
	case layout > frozenLayout && layout <= newestFrozen:
		if f, err = unpackParts(value[1:]); err == nil && keptByEveryLayout(string(Receipted), f.rev) {
			return frozen{rev: f.rev}, ErrNewer
		}
	}
	return f, errRecord
}

// unpackParts reads the parts of a value behind its layout.
func unpackParts(rest string) (f frozen, err error) {
	rev, rest, ok := strings.Cut(rest, " ")
	if !ok || rest == "" {
		return f, errRecord
	}
	f.rev = rev
	bits := rest[0]
	rest = rest[1:]
	if bits&frozenRef != 0 {
		if len(rest) < digestSize {
			return f, errRecord
		}
		f.ref, rest = idEncoding.EncodeToString([]byte(rest[:digestSize])), rest[digestSize:]
	}
	n := int(bits&^frozenRef) * sealHead
	if len(rest) < n {
		return f, errRecord
	}
	f.heads, f.record = rest[:n], []byte(rest[n:])
	return f, nil
}

// fieldsOfFrozen returns a value as the fields that the entry would have with a key of its own, and
// the value itself. An unreadable value gives an unreadable entry.
func fieldsOfFrozen(value string) map[string]string {
	m := map[string]string{"state": string(Receipted), "facts": finalFacts, "rev": "1", frozenField: value}
	f, err := unpackFrozen(value)
	switch {
	case errors.Is(err, ErrNewer):
		m["facts"], m["rev"] = newerFacts, f.rev
	case err == nil:
		m["rev"] = f.rev
		if f.ref != "" {
			m[refDigestField] = f.ref
		}
		if f.heads != "" {
			m[headsField] = f.heads
		}
	}
	return m
}

// newerFacts are the facts of an entry whose value in a bucket has a newer layout.
var newerFacts = fmt.Sprintf(`{"v":%d}`, newestVersion)
