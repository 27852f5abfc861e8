package pemkey

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Certificates returns the certificates in a PEM file, in the order of the file. A file without a
// certificate is an error.
func Certificates(file []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate cannot be read: %w", err)
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, notPEM(file, "certificate", "openssl x509 -in FILE -inform der -out cert.pem")
	}
	return all, nil
}

// ErrOther says that a key and a certificate do not belong together.
var ErrOther = errors.New("the private key does not belong to the certificate")

// Matching returns the first certificate that belongs to the key, or ErrOther when none does. certs
// may also contain other certificates, such as those of the issuers.
func Matching(certs []*x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	for _, cert := range certs {
		if public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(key.Public()) {
			return cert, nil
		}
	}
	return nil, ErrOther
}
