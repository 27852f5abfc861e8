package pemkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// prfs are the hashes with which PBKDF2 derives a key, by object identifier. SHA-1 is the default,
// and for this use it is as safe as the others.
var prfs = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// ciphers are the ways to encrypt, all in CBC mode.
var ciphers = map[string]struct {
	key  int // bytes
	open func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// maxIterations bounds the time that one file takes, to about ten seconds.
const maxIterations = 20_000_000

const unknown = "it is encrypted in a way that is not known here; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out key.pem"

// decrypt opens an EncryptedPrivateKeyInfo (RFC 5958) of the scheme PBES2 (RFC 8018).
func decrypt(der, password []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Sealed    []byte
	}
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		return nil, errors.New("its encrypted private key cannot be read")
	}
	var scheme struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errors.New(unknown)
	}
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil || !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, errors.New(unknown)
	}
	var kdf struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, errors.New(unknown)
	}
	prf, known := prfs[kdf.PRF.Algorithm.String()]
	way, also := ciphers[scheme.Cipher.Algorithm.String()]
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil || !known || !also {
		return nil, errors.New(unknown)
	}
	if kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, fmt.Errorf("its password is hashed %d times, at most %d are accepted", kdf.Iterations, maxIterations)
	}
	key, err := pbkdf2.Key(prf, string(password), kdf.Salt, kdf.Iterations, way.key)
	if err != nil {
		return nil, errors.New(unknown)
	}
	block, err := way.open(key)
	if err != nil {
		return nil, errors.New(unknown)
	}
	return unpad(block, iv, info.Sealed)
}

// unpad decrypts and removes the padding. A wrong padding shows that the password is wrong.
func unpad(block cipher.Block, iv, sealed []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(sealed) == 0 || len(sealed)%size != 0 {
		return nil, errors.New("its encrypted private key cannot be read")
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	n := int(out[len(out)-1])
	if n == 0 || n > size {
		return nil, ErrPassword
	}
	for _, b := range out[len(out)-n:] {
		if int(b) != n {
			return nil, ErrPassword
		}
	}
	return out[:len(out)-n], nil
}
