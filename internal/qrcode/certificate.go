package qrcode

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/youmark/pkcs8"
)

// Certificate is a KSeF certificate of type Offline with its private key. It is safe for concurrent
// use.
type Certificate struct {
	serial   string // 16 upper-case hex digits
	from, to time.Time
	key      crypto.Signer
}

// minRSABits is the shortest RSA key that KSeF takes (Ministry's page kody-qr).
const minRSABits = 2048

// ParseCertificate reads a certificate and its private key, each in PEM or DER. The key is in
// PKCS#8, PKCS#1 or SEC 1; PKCS#8 may be encrypted with the password. An empty key means that the
// key is in the same PEM file as the certificate. ParseCertificate refuses a key of another
// certificate, a key that KSeF would refuse for KOD II, and a certificate of type Authentication.
// Its errors contain no part of the key or the password.
func ParseCertificate(certificate, key, password []byte) (*Certificate, error) {
	if len(key) == 0 {
		key = certificate
	}
	cert, err := readCertificate(certificate)
	if err != nil {
		return nil, err
	}
	signer, err := readKey(key, password)
	if err != nil {
		return nil, err
	}
	if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(cert.PublicKey) {
		return nil, errors.New("the private key does not belong to the certificate")
	}
	// An Offline certificate may sign documents but not log in. An Authentication certificate may
	// log in but not sign documents (Ministry's page certyfikaty-KSeF). A certificate without any
	// key usage does not come from KSeF. It passes here, and the verification page will name the
	// fault.
	if u := cert.KeyUsage; u&x509.KeyUsageDigitalSignature != 0 && u&x509.KeyUsageContentCommitment == 0 {
		return nil, errors.New("the certificate is of type Authentication, which only logs in; KOD II needs a KSeF certificate of type " +
			"Offline")
	}
	return &Certificate{
		serial: fmt.Sprintf("%016X", cert.SerialNumber), from: cert.NotBefore, to: cert.NotAfter, key: signer,
	}, nil
}

// Serial returns the serial number as it stands in the link.
func (c *Certificate) Serial() string { return c.serial }

// Valid returns an error unless the certificate is valid at that time.
func (c *Certificate) Valid(now time.Time) error {
	switch {
	case now.Before(c.from):
		return fmt.Errorf("certificate %s is valid from %s only", c.serial, c.from.Format(time.DateTime))
	case now.After(c.to):
		return fmt.Errorf("certificate %s has expired on %s; enrol a new one of type Offline in KSeF", c.serial, c.to.Format(time.DateTime))
	}
	return nil
}

func readCertificate(raw []byte) (*x509.Certificate, error) {
	der := raw
	if isPEM(raw) {
		block := findBlock(raw, func(kind string) bool { return kind == "CERTIFICATE" })
		if block == nil {
			return nil, errors.New("the certificate's file has no block CERTIFICATE")
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return cert, nil
}

// errKeyUnreadable stands for the errors of parsers, which could quote what they parse.
var errKeyUnreadable = errors.New("the private key can't be read; write it as PEM, PKCS#8")

func readKey(raw, password []byte) (crypto.Signer, error) {
	der, encrypted := raw, len(password) > 0
	if isPEM(raw) {
		block := findBlock(raw, func(kind string) bool { return strings.HasSuffix(kind, "PRIVATE KEY") })
		switch {
		case block == nil:
			return nil, errors.New("no private key: its file has no block PRIVATE KEY; name the key's file in offline_key_file")
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("the private key is encrypted in the old way of OpenSSL; write it as PKCS#8: openssl pkcs8 -topk8")
		}
		der, encrypted = block.Bytes, block.Type == "ENCRYPTED PRIVATE KEY"
	}
	var key any
	var err error
	if encrypted {
		if len(password) == 0 {
			return nil, errors.New("the private key is encrypted; name the file with its password in offline_key_password_file")
		}
		if key, err = pkcs8.ParsePKCS8PrivateKey(der, password); err != nil {
			return nil, errors.New("the private key can't be decrypted: is the password right?")
		}
	} else if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			if key, err = x509.ParseECPrivateKey(der); err != nil {
				return nil, errKeyUnreadable
			}
		}
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("the RSA key has %d bits, and KSeF takes %d and more", bits, minRSABits)
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("the key is on curve %s, and KSeF takes P-256 for KOD II", key.Curve.Params().Name)
		}
		return key, nil
	}
	return nil, errors.New("the private key is neither RSA nor ECDSA")
}

func isPEM(raw []byte) bool { return bytes.Contains(raw, []byte("-----BEGIN ")) }

func findBlock(raw []byte, is func(kind string) bool) *pem.Block {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if is(block.Type) {
			return block
		}
	}
	return nil
}
