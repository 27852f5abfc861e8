package pemkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrPassword says that the password of an encrypted key is wrong or unknown.
var ErrPassword = errors.New("the password does not open the private key")

// PrivateKey reads the private key in a PEM file. password is used only for an encrypted key. It is
// nil if no password is known. Blocks of other kinds are passed over, but a second key is an error.
func PrivateKey(file, password []byte) (crypto.Signer, error) {
	var found *pem.Block
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if !bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
			continue
		}
		if found != nil {
			return nil, errors.New("it has two private keys; leave one")
		}
		found = block
	}
	if found == nil {
		return nil, notPEM(file, "private key", "openssl pkey -in FILE -inform der -out key.pem")
	}
	key, err := parse(found, password)
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, errors.New("its private key is neither RSA nor EC")
}

func parse(b *pem.Block, password []byte) (any, error) {
	if b.Headers["DEK-Info"] != "" {
		return nil, errors.New("it is encrypted in an old way that is not safe; convert it: openssl pkcs8 -topk8 -in FILE -out key.pem")
	}
	switch b.Type {
	case "PRIVATE KEY":
		return inWords(x509.ParsePKCS8PrivateKey(b.Bytes))
	case "RSA PRIVATE KEY":
		k, err := x509.ParsePKCS1PrivateKey(b.Bytes)
		return inWords(k, err)
	case "EC PRIVATE KEY":
		k, err := x509.ParseECPrivateKey(b.Bytes)
		return inWords(k, err)
	case "ENCRYPTED PRIVATE KEY":
		if password == nil {
			return nil, fmt.Errorf("it is encrypted and no password is given: %w", ErrPassword)
		}
		der, err := decrypt(b.Bytes, password)
		if err != nil {
			return nil, err
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil { // one padding in 256 is right by chance
			return nil, ErrPassword
		}
		return key, nil
	}
	return nil,
		fmt.Errorf("a block of type %q is not a key that can be read; convert it: openssl pkcs8 -topk8 -in FILE -out key.pem", b.Type)
}

func inWords(key any, err error) (any, error) {
	if err != nil {
		return nil, fmt.Errorf("its private key cannot be read: %w", err)
	}
	return key, nil
}

// notPEM says what a file without the wanted block may be.
func notPEM(file []byte, wanted, convert string) error {
	switch {
	case len(bytes.TrimSpace(file)) == 0:
		return errors.New("it is empty")
	case file[0] == 0x30: // a DER sequence
		return fmt.Errorf("it is not PEM but DER, or a PKCS#12 store; convert it: %s, or openssl pkcs12 -in FILE -out all.pem", convert)
	case !bytes.Contains(file, []byte("-----BEGIN ")):
		return errors.New("it is not PEM: it has no line with -----BEGIN")
	}
	return fmt.Errorf("it has no %s", wanted)
}
