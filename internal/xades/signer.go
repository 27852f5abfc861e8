package xades

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// Signer signs documents with one certificate. Safe for concurrent use if its key is.
type Signer struct {
	cert *x509.Certificate
	key  crypto.Signer
	alg  string
}

// The weakest keys that KSeF accepts (auth/podpis-xades.md).
const (
	minRSABits   = 2048
	minCurveBits = 256
)

// NewSigner returns a signer. The key may live outside of this process, in a token or an HSM,
// because only its Public and Sign are used. RSA from 2048 bits and ECDSA over a curve of at least
// 256 bits are accepted. The key must be the certificate's own.
func NewSigner(cert *x509.Certificate, key crypto.Signer) (*Signer, error) {
	if cert == nil || len(cert.Raw) == 0 || key == nil {
		return nil, errors.New("sign: certificate and key are required")
	}
	s := &Signer{cert: cert, key: key}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("sign: the RSA key has %d bits; KSeF takes %d or more", bits, minRSABits)
		}
		s.alg = nsDsigMore + "rsa-sha256"
	case *ecdsa.PublicKey:
		if bits := public.Curve.Params().BitSize; bits < minCurveBits {
			return nil, fmt.Errorf("sign: the EC key has %d bits; KSeF takes %d or more", bits, minCurveBits)
		}
		s.alg = nsDsigMore + "ecdsa-sha256"
	default:
		return nil, errors.New("sign: the key is neither RSA nor EC")
	}
	if same, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !same.Equal(cert.PublicKey) {
		return nil, errors.New("sign: the private key does not belong to the certificate")
	}
	return s, nil
}

// Certificate returns the certificate.
func (s *Signer) Certificate() *x509.Certificate { return s.cert }

// value returns the bytes of SignatureValue for a canonical SignedInfo.
func (s *Signer) value(signedInfo []byte) ([]byte, error) {
	digest := sha256.Sum256(signedInfo)
	sig, err := s.key.Sign(rand.Reader, digest[:], crypto.SHA256) // RSA: PKCS#1 v1.5, because the options are not PSSOptions
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if public, ok := s.key.Public().(*ecdsa.PublicKey); ok {
		return rawECDSA(sig, public.Curve)
	}
	return sig, nil
}

// rawECDSA converts an ECDSA signature from DER, as crypto.Signer returns it, to the form of XML
// signatures (RFC 4050, RFC 6931). That form has the numbers r and s side by side, each as long as
// the curve's order. A verifier refuses DER. Leading zeros are kept. Without them, one signature in
// 128 would be a byte short and would be refused.
func rawECDSA(der []byte, curve elliptic.Curve) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) > 0 {
		return nil, errors.New("sign: the key's signature is not ECDSA's DER form")
	}
	size := (curve.Params().N.BitLen() + 7) / 8
	for _, n := range []*big.Int{pair.R, pair.S} {
		if n.Sign() <= 0 || n.BitLen() > 8*size {
			return nil, errors.New("sign: the key's signature is out of the curve's range")
		}
	}
	return bytes.Join([][]byte{pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))}, nil), nil
}
