package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
)

// keyring holds the RSA key that is in force. An emergency rotation, which is usual here, throws
// the old key away. A planned rotation keeps the old key until the next rotation.
type keyring struct {
	current *rsa.PrivateKey
	public  []byte          // DER SubjectPublicKeyInfo
	former  *rsa.PrivateKey // nil unless the last rotation was planned
	// formerPublic is the public key of former, in DER.
	formerPublic []byte
}

// generate makes an RSA key of that many bits. It is the usual source of keys.
func generate(bits int) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }

func (k *keyring) rotate(key *rsa.PrivateKey, planned bool) error {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	k.former, k.formerPublic = nil, nil
	if planned {
		k.former, k.formerPublic = k.current, k.public
	}
	k.current, k.public = key, der
	return nil
}

// unwrap decrypts a session's AES key of 32 bytes: RSA-OAEP with SHA-256 for hash and mask, without
// a label. It returns nil when the key cannot be decrypted.
func (k *keyring) unwrap(encrypted []byte) []byte {
	for _, private := range []*rsa.PrivateKey{k.current, k.former} {
		if private == nil {
			continue
		}
		if key, err := rsa.DecryptOAEP(sha256.New(), nil, private, encrypted, nil); err == nil && len(key) == 32 {
			return key
		}
	}
	return nil
}

var (
	errBlocks  = errors.New("the length is not a positive multiple of 16")
	errPadding = errors.New("the padding is wrong")
)

// decrypt reverses AES-256-CBC with PKCS#7 padding, in place.
func decrypt(key, iv, data []byte) ([]byte, error) {
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errBlocks
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	return unpad(data)
}

// unpad removes the PKCS#7 padding and checks every byte of it.
func unpad(data []byte) ([]byte, error) {
	n := int(data[len(data)-1])
	if n < 1 || n > aes.BlockSize || n > len(data) {
		return nil, errPadding
	}
	for _, b := range data[len(data)-n:] {
		if int(b) != n {
			return nil, errPadding
		}
	}
	return data[:len(data)-n], nil
}

// encrypt applies AES-256-CBC with PKCS#7 padding, for the results of queries.
func encrypt(key, iv, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(data)%aes.BlockSize
	padded := make([]byte, len(data)+n)
	copy(padded, data)
	for i := len(data); i < len(padded); i++ {
		padded[i] = byte(n)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded, nil
}
