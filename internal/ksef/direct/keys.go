package direct

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// Usage is what a public key of KSeF encrypts.
type Usage string

// The usages.
const (
	UsageToken   Usage = "KsefTokenEncryption"
	usageSession Usage = "SymmetricKeyEncryption"
)

// PublicKey is a key of KSeF. KSeF may list several keys of one usage, for example before it
// replaces a key.
type PublicKey struct {
	Key                *rsa.PublicKey
	ID                 []byte // see [ksef.PublicKeyID]
	ValidFrom, ValidTo time.Time
	Usage              []Usage
}

type publicKeyWire struct {
	Certificate []byte    `json:"certificate"`
	ValidFrom   ksef.Time `json:"validFrom"`
	ValidTo     ksef.Time `json:"validTo"`
	Usage       []Usage   `json:"usage"`
}

// PublicKeys lists KSeF's public keys. An entry that cannot be read is left out, because it may be
// of a new kind.
func (a Auth) PublicKeys(ctx context.Context) ([]PublicKey, error) {
	var wire []publicKeyWire
	k := get("fetch public keys", ksef.GroupPublicKey, "/security/public-key-certificates")
	err := a.api.http.Do(ctx, k, func(r *httponce.Answer) error { return r.JSONList(&wire) })
	if err != nil {
		return nil, err
	}
	out := make([]PublicKey, 0, len(wire))
	for _, w := range wire {
		if key, err := w.key(); err == nil {
			out = append(out, key)
		}
	}
	return out, nil
}

// minKeyBits is the length of the shortest key that is used. Shorter keys have not been accepted as
// safe since 2013 (NIST SP 800-131A).
const minKeyBits = 2048

// key reads the key from its certificate. The id that KSeF gives with the key is not read, because
// it can be computed from the key.
func (w publicKeyWire) key() (PublicKey, error) {
	cert, err := x509.ParseCertificate(w.Certificate)
	if err != nil {
		return PublicKey{}, err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return PublicKey{}, errors.New("the key is not RSA")
	case key.N.BitLen() < minKeyBits:
		return PublicKey{}, fmt.Errorf("the key has %d bits", key.N.BitLen())
	}
	id, err := ksef.PublicKeyID(key)
	return PublicKey{Key: key, ID: id, ValidFrom: w.ValidFrom.Time, ValidTo: w.ValidTo.Time, Usage: w.Usage}, err
}

// ChooseKey returns the key that has the usage and is valid now. Of several such keys it returns
// the one that became valid last.
func ChooseKey(keys []PublicKey, usage Usage, now time.Time) (PublicKey, error) {
	var best *PublicKey
	for i, k := range keys {
		if !slices.Contains(k.Usage, usage) || now.Before(k.ValidFrom) || !k.ValidTo.IsZero() && now.After(k.ValidTo) {
			continue
		}
		if best == nil || k.ValidFrom.After(best.ValidFrom) {
			best = &keys[i]
		}
	}
	if best == nil {
		return PublicKey{}, fmt.Errorf("KSeF lists no RSA key of usage %s that is valid now (compare this machine's clock)", usage)
	}
	return *best, nil
}

// PublicKey fetches the public key that encrypts session keys. KSeF replaces the key at times, in
// an emergency without notice. So use a [ksef.KeyCache], and fetch the key again when KSeF refuses
// to open a session.
func (c *Client) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	keys, err := c.api.Auth().PublicKeys(ctx)
	if err != nil {
		return nil, err
	}
	key, err := ChooseKey(keys, usageSession, c.api.now())
	if err != nil {
		return nil, &ksef.APIError{Op: "choose public key", Group: ksef.GroupPublicKey, Kind: ksef.KindOutage, Err: err}
	}
	return key.Key, nil
}
