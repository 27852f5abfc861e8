package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// keyID identifies a storage key and reveals nothing about it. It is the start of a hash of the
// key, and this hash is used for nothing else. A keyID does not make guessing the key easier: a
// guess can be tested on any encrypted document just as well.
type keyID [8]byte

// keyPurpose is hashed before the key, so that no other hash of the same key has this value.
const keyPurpose = "ksefworker storage key id 1\x00"

func (k keyID) String() string { return hex.EncodeToString(k[:]) }

// storageKey is one key that documents are sealed with.
type storageKey struct {
	id   keyID
	aead cipher.AEAD
	refs [sha256.Size]byte // key of the digests of refs
}

func newStorageKey(key []byte) (storageKey, error) {
	if len(key) != 32 {
		return storageKey{}, fmt.Errorf("storage key has %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return storageKey{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return storageKey{}, err
	}
	sum := sha256.Sum256(append([]byte(keyPurpose), key...))
	return storageKey{id: keyID(sum[:]), aead: aead, refs: sha256.Sum256(append([]byte(refPurpose), key...))}, nil
}

// nonceSize is the length of a nonce of AES-GCM in bytes.
const nonceSize = 12

var errNotSealedSo = errors.New("it was changed, or it was sealed for another invoice or with another key than it names")

// open decrypts the ciphertext that follows the nonce in sealed.
func (k *storageKey) open(id string, sealed []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, errors.New("it is cut off")
	}
	packed, err := k.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(id))
	if err != nil {
		return nil, errNotSealedSo
	}
	return packed, nil
}

// KeyIDs returns the ids of the keys. The first key seals, and all of them open.
func (b *Bodies) KeyIDs() []string {
	ids := make([]string, len(b.keys))
	for i := range b.keys {
		ids[i] = b.keys[i].id.String()
	}
	return ids
}

// KeyError says that this process does not have the key with which a stored document was sealed.
type KeyError struct {
	ID  string // of the invoice
	Key string // id of the key; "" when the document does not name it (an older layout)
}

func (e *KeyError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("open %s: the stored document is encrypted, and no key of storage.key_file fits it", e.ID)
	}
	return fmt.Sprintf("open %s: the stored document is encrypted with key %s, which is not in storage.key_file here", e.ID, e.Key)
}

// layoutError says that a document was sealed in a layout that this build does not know.
type layoutError struct {
	id     string
	layout int
}

func (e *layoutError) Error() string {
	return fmt.Sprintf("open %s: stored document has unknown layout %d, written by a newer version", e.id, e.layout)
}

// Unwrap returns [ErrNewer].
func (e *layoutError) Unwrap() error { return ErrNewer }
