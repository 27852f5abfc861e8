package direct

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

// Auth has the calls that lead to an access token. They deal with four kinds of token, and KSeF
// accepts each only for its own purpose. A KSeF token can prove who logs in. The authentication
// token belongs to one login, which has begun. The login ends with an access token and a refresh
// token.
type Auth struct{ api *API }

// Auth returns the calls that lead to an access token.
func (a *API) Auth() Auth { return Auth{a} }

// Challenge is what a login must repeat. It lives for ten minutes.
type Challenge struct {
	Challenge string
	// TimestampMs is the time by KSeF's clock, in milliseconds since 1970. A login with a KSeF
	// token encrypts it together with the token; see [TokenLogin].
	TimestampMs int64
}

// Time returns the time by KSeF's clock at which KSeF gave the challenge.
func (c Challenge) Time() time.Time { return time.UnixMilli(c.TimestampMs) }

type challengeWire struct {
	Challenge   string `json:"challenge"`
	TimestampMs int64  `json:"timestampMs"`
}

// Challenge returns a new challenge of KSeF.
func (a Auth) Challenge(ctx context.Context) (Challenge, error) {
	var wire challengeWire
	k := post("ask for a challenge", ksef.GroupLogin, "/auth/challenge", nil)
	err := a.api.http.Do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error {
			if wire.TimestampMs <= 0 {
				return errors.New("answer has no timestampMs")
			}
			return missing("challenge", wire.Challenge)
		})
	})
	if err != nil {
		return Challenge{}, err
	}
	return Challenge(wire), nil
}

// Token is a JWT and the end of its life by KSeF's clock.
type Token struct {
	Token      Secret
	ValidUntil time.Time
}

type tokenWire struct {
	Token      Secret    `json:"token"`
	ValidUntil ksef.Time `json:"validUntil"`
}

func (w tokenWire) check(name string) error {
	switch {
	case w.Token.IsZero():
		return errors.New("answer has no " + name)
	case w.ValidUntil.IsZero():
		return errors.New("answer does not say how long the " + name + " lives")
	}
	return nil
}

func (w tokenWire) token() Token { return Token{w.Token, w.ValidUntil.Time} }

// Begun is a login that KSeF is working on.
type Begun struct {
	ReferenceNumber string
	// Token is for [Auth.Status] and [Auth.Redeem] of this login only.
	Token Token
}

type begunWire struct {
	ReferenceNumber     string    `json:"referenceNumber"`
	AuthenticationToken tokenWire `json:"authenticationToken"`
}

// begin sends the request that begins a login.
func (a Auth) begin(ctx context.Context, k httponce.Call) (Begun, error) {
	var wire begunWire
	err := a.api.http.Do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error {
			return errors.Join(missing("referenceNumber", wire.ReferenceNumber), wire.AuthenticationToken.check("authenticationToken"))
		})
	})
	if err != nil {
		return Begun{}, loginRefused(err)
	}
	return Begun{wire.ReferenceNumber, wire.AuthenticationToken.token()}, nil
}

// BySignature begins a login with a signed AuthTokenRequest. verifyChain asks KSeF to check the
// certificate's chain. Only the test environment needs to be asked, because the other environments
// always check the chain.
func (a Auth) BySignature(ctx context.Context, signed []byte, verifyChain bool) (Begun, error) {
	k := post("log in by signature", ksef.GroupLogin, "/auth/xades-signature", nil)
	if verifyChain {
		k = query(k, "verifyCertificateChain", "true")
	} else {
		k = query(k, "verifyCertificateChain", "false")
	}
	k.ContentType, k.Body = "application/xml", signed
	if len(signed) == 0 {
		k = k.Bad(errors.New("the signed document is empty"))
	}
	return a.begin(ctx, k)
}

// TokenLogin is what [Auth.ByToken] sends to begin a login.
type TokenLogin struct {
	Challenge string
	NIP       string // of the context
	// EncryptedToken is the text of the KSeF token, "|" and the challenge's TimestampMs. It is
	// encrypted with KSeF's public key for [UsageToken], by RSA-OAEP with SHA-256 as the hash and
	// in MGF1.
	EncryptedToken []byte
	PublicKeyID    []byte // names that key to KSeF; nil names none
}

type contextWire struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type tokenLoginWire struct {
	Challenge         string      `json:"challenge"`
	ContextIdentifier contextWire `json:"contextIdentifier"`
	EncryptedToken    []byte      `json:"encryptedToken"`
	PublicKeyID       []byte      `json:"publicKeyId,omitempty"`
}

// ByToken begins a login with the KSeF token that is in l, encrypted.
func (a Auth) ByToken(ctx context.Context, l TokenLogin) (Begun, error) {
	body := tokenLoginWire{l.Challenge, contextWire{"Nip", l.NIP}, l.EncryptedToken, l.PublicKeyID}
	return a.begin(ctx, post("log in by token", ksef.GroupLogin, "/auth/ksef-token", body))
}

// LoginStatus is the state of a login.
type LoginStatus struct {
	Status   ksef.StatusInfo
	Method   string // the way of logging in, as KSeF calls it
	Redeemed bool
}

type loginStatusWire struct {
	Status          ksef.StatusInfo `json:"status"`
	Method          methodWire      `json:"authenticationMethodInfo"`
	IsTokenRedeemed lenient.Bool    `json:"isTokenRedeemed"`
}

type methodWire struct {
	Category    lenient.Text `json:"category"`
	Code        lenient.Text `json:"code"`
	DisplayName lenient.Text `json:"displayName"`
}

// Status returns the state of a login. If the login has failed, the error has the words of its
// status; see [loginFailed].
func (a Auth) Status(ctx context.Context, b Begun) (LoginStatus, error) {
	var wire loginStatusWire
	k := get("ask for the login's status", ksef.GroupLogin, "/auth/%s", b.ReferenceNumber)
	k.Authorize, k.Renewable = bearer(b.Token.Token), true
	err := a.api.http.Do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error {
			if err := wire.Status.Check(); err != nil {
				return err
			}
			return loginFailed(wire.Status)
		})
	})
	if err != nil {
		return LoginStatus{}, err
	}
	return LoginStatus{Status: wire.Status, Method: string(wire.Method.DisplayName), Redeemed: wire.IsTokenRedeemed.On}, nil
}

// Redeemed are the tokens that a login brought.
type Redeemed struct{ Access, Refresh Token }

type redeemedWire struct {
	AccessToken  tokenWire `json:"accessToken"`
	RefreshToken tokenWire `json:"refreshToken"`
}

// Redeem fetches the tokens of a login. KSeF gives the tokens only once, so the login is lost when
// this answer is lost.
func (a Auth) Redeem(ctx context.Context, b Begun) (Redeemed, error) {
	var wire redeemedWire
	k := post("redeem the login", ksef.GroupLogin, "/auth/token/redeem", nil)
	k.Authorize, k.Renewable = bearer(b.Token.Token), true
	err := a.api.http.Do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error {
			return errors.Join(wire.AccessToken.check("accessToken"), wire.RefreshToken.check("refreshToken"))
		})
	})
	if err != nil {
		return Redeemed{}, err
	}
	return Redeemed{wire.AccessToken.token(), wire.RefreshToken.token()}, nil
}

type refreshedWire struct {
	AccessToken tokenWire `json:"accessToken"`
}

// Refresh fetches another access token. The refresh token stays as it is.
func (a Auth) Refresh(ctx context.Context, refresh Token) (access Token, err error) {
	var wire refreshedWire
	k := post("refresh the access token", ksef.GroupLogin, "/auth/token/refresh", nil)
	k.Authorize, k.Renewable = bearer(refresh.Token), true
	err = a.api.http.Do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error { return wire.AccessToken.check("accessToken") })
	})
	if err != nil {
		return Token{}, err
	}
	return wire.AccessToken.token(), nil
}

// End revokes the login that an access token or a refresh token came from. The access tokens of
// that login stay valid until the end of their life.
func (a Auth) End(ctx context.Context, token Token) error {
	k := remove("end the login", ksef.GroupLoginSessions, "/auth/sessions/current")
	k.Authorize, k.Renewable = bearer(token.Token), true
	return a.api.http.Do(ctx, k, (*httponce.Answer).Nothing)
}
