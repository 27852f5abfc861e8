package login

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/xades"
)

// Credential loads the proof of who logs in. After the first login, every [Session.Access] calls
// it, so a replaced file is noticed without a restart. A login calls it before the first request to
// KSeF, so an unreadable file costs no request.
type Credential func() (Proof, error)

// Proof proves to KSeF who logs in.
type Proof interface {
	// Begin answers a challenge. now is KSeF's clock.
	Begin(ctx context.Context, auth direct.Auth, c direct.Challenge, nip string, now time.Time) (direct.Begun, error)
}

// Certificate proves by a signature who logs in.
type Certificate struct{ Signer *xades.Signer }

// Begin implements [Proof].
func (c Certificate) Begin(ctx context.Context, auth direct.Auth, ch direct.Challenge, nip string, now time.Time) (direct.Begun, error) {
	subject := bySubject
	if !Named(c.Signer.Certificate()) {
		subject = byFingerprint
	}
	document, err := authTokenRequest(ch.Challenge, nip, subject)
	if err != nil {
		return direct.Begun{}, local("write AuthTokenRequest", err)
	}
	// SigningTime is by KSeF's clock, because KSeF refuses a time in the future and this machine's
	// clock may be ahead.
	signed, err := c.Signer.Sign(document, now)
	if err != nil {
		return direct.Begun{}, local("sign AuthTokenRequest", err)
	}
	return auth.BySignature(ctx, signed, false)
}

// Token proves by a KSeF token who logs in.
type Token struct{ Token direct.Secret }

// Begin implements [Proof].
func (t Token) Begin(ctx context.Context, auth direct.Auth, ch direct.Challenge, nip string, now time.Time) (direct.Begun, error) {
	keys, err := auth.PublicKeys(ctx)
	if err != nil {
		return direct.Begun{}, err
	}
	key, err := direct.ChooseKey(keys, direct.UsageToken, now)
	if err != nil {
		return direct.Begun{}, &ksef.APIError{Op: "choose public key", Group: ksef.GroupLogin, Kind: ksef.KindOutage, Err: err}
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key.Key,
		[]byte(t.Token.Reveal()+"|"+strconv.FormatInt(ch.TimestampMs, 10)), nil)
	if err != nil {
		return direct.Begun{}, local("encrypt token", fmt.Errorf("it is longer than KSeF's key can encrypt: %w", err))
	}
	return auth.ByToken(ctx, direct.TokenLogin{Challenge: ch.Challenge, NIP: nip, EncryptedToken: sealed, PublicKeyID: key.ID})
}

// sameProof reports whether two proofs are of the same certificate, or of the same token.
func sameProof(a, b Proof) bool {
	switch a := a.(type) {
	case Certificate:
		b, ok := b.(Certificate)
		return ok && a.Signer.Certificate().Equal(b.Signer.Certificate())
	case Token:
		b, ok := b.(Token)
		return ok && a.Token == b.Token
	}
	return false
}

// local wraps err as a fault of this process alone. Another worker may have sound credentials.
func local(op string, err error) error {
	return &ksef.APIError{Op: op, Group: ksef.GroupLogin, Kind: ksef.KindLocal, Err: err}
}
