package gateway

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// PublicKey fetches KSeF's RSA public key, which encrypts session keys. KSeF replaces the key at
// times, in an emergency without notice. So callers keep the key in a [ksef.KeyCache], which
// fetches it again after a time. They call the cache's Invalidate when KSeF cannot decrypt a
// session key.
func (s *SessionAPI) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	var key *rsa.PublicKey
	err := s.do(ctx, httponce.Get("fetch public key", ksef.GroupPublicKey, "/invoice/public/key"), func(a *httponce.Answer) (err error) {
		var wire struct {
			Algorithm string `json:"algorithm"`
			PublicKey []byte `json:"publicKey"`
		}
		if err := a.JSON(&wire); err != nil {
			return err
		}
		key, err = parsePublicKey(wire.Algorithm, wire.PublicKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// minKeyBits is the length of the shortest key that is used. Shorter keys have not been accepted as
// safe since the end of 2013 (NIST SP 800-131A).
const minKeyBits = 2048

func parsePublicKey(algorithm string, der []byte) (*rsa.PublicKey, error) {
	if !strings.EqualFold(algorithm, "RSA") {
		return nil, errors.New("public key is of another algorithm than RSA")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, errors.New("public key is not RSA")
	case key.N.BitLen() < minKeyBits:
		return nil, fmt.Errorf("public key has %d bits, at least %d are needed", key.N.BitLen(), minKeyBits)
	}
	return key, nil
}
