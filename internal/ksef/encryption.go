package ksef

import (
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
)

const (
	keySize = 32
	ivSize  = aes.BlockSize
)

// SessionKey is the AES-256 key and initialization vector of one session. Make one with
// NewSessionKey for each session and never use it for another. It prints as "[redacted]" in every
// format. The zero SessionKey is invalid. The method Info refuses it, so nothing can be sent with
// it.
type SessionKey struct {
	key [keySize]byte
	iv  [ivSize]byte
}

// NewSessionKey draws a key and IV from the system's random source.
func NewSessionKey() (SessionKey, error) {
	var k SessionKey
	if _, err := io.ReadFull(rand.Reader, k.key[:]); err != nil {
		return SessionKey{}, fmt.Errorf("draw session key: %w", err)
	}
	if _, err := io.ReadFull(rand.Reader, k.iv[:]); err != nil {
		return SessionKey{}, fmt.Errorf("draw initialization vector: %w", err)
	}
	return k, nil
}

// EncryptionInfo tells KSeF how a session is encrypted. It is safe to send, because only KSeF can
// decrypt the key in it.
type EncryptionInfo struct {
	InitVector []byte // 16 bytes
	// EncryptedKey is encrypted with RSA-OAEP, SHA-256 for hash and MGF1, no label. It is as long
	// as the RSA modulus.
	EncryptedKey []byte
	// PublicKeyID names the public key that encrypted EncryptedKey; see [PublicKeyID]. nil names no
	// key.
	PublicKeyID []byte
}

// PublicKeyID returns KSeF's own name of a public key. This is the SHA-256 of the key's DER form
// (SubjectPublicKeyInfo).
func PublicKeyID(pub *rsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("name public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

// Check returns all faults, joined.
func (e EncryptionInfo) Check() error {
	if len(e.EncryptedKey) == 0 {
		return errors.Join(lengthOf("initVector", e.InitVector, ivSize), errors.New("encryptedKey is required"))
	}
	return lengthOf("initVector", e.InitVector, ivSize)
}

// Info encrypts the session key for KSeF with its public key.
func (k SessionKey) Info(pub *rsa.PublicKey) (EncryptionInfo, error) {
	if k == (SessionKey{}) {
		return EncryptionInfo{}, errors.New("encrypt session key: it was never generated")
	}
	if pub == nil {
		return EncryptionInfo{}, errors.New("encrypt session key: no public key")
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, k.key[:], nil)
	if err != nil {
		return EncryptionInfo{}, fmt.Errorf("encrypt session key: %w", err)
	}
	iv := make([]byte, ivSize)
	copy(iv, k.iv[:])
	id, err := PublicKeyID(pub)
	if err != nil {
		return EncryptionInfo{}, fmt.Errorf("encrypt session key: %w", err)
	}
	return EncryptionInfo{InitVector: iv, EncryptedKey: sealed, PublicKeyID: id}, nil
}

const redacted = "[redacted]"

// String redacts.
func (k SessionKey) String() string { return redacted }

// GoString redacts.
func (k SessionKey) GoString() string { return redacted }

// Format redacts, whatever the verb.
func (k SessionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts.
func (k SessionKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON redacts.
func (k SessionKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
