package oidc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// AttemptTime is how long a person may take to log in at the provider.
const AttemptTime = 10 * time.Minute

// maxNext bounds the path to which a login returns, in bytes, because the path is in a cookie.
const maxNext = 1000

// Attempt is a login that was begun. The browser keeps it in a cookie while the person is at the
// provider. So one worker can finish a login that another worker began, and a login that is never
// finished leaves nothing stored.
//
// The state, the nonce and the code verifier are not in the cookie. They are derived from the
// cookie with a key that only the workers have. Reading the cookie, or the addresses, is not enough
// to know the verifier.
type Attempt struct {
	ID    string    // of this attempt alone. The caller that finishes the attempt must refuse a second try.
	Next  string    // where the page goes on
	Begun time.Time // by the clock of the worker that began it

	state, nonce, verifier string
}

// packed is what the cookie holds, before its seal.
type packed struct {
	ID    string `json:"i"`
	Next  string `json:"n"`
	Begun int64  `json:"b"` // Unix seconds
}

// sealer makes and reads attempts with one key.
type sealer struct{ key []byte }

// newSealer derives the key from the client's secret, which all workers of a pool have. A new
// secret ends the logins that are under way.
func newSealer(issuer, client, secret string) sealer {
	m := hmac.New(sha256.New, []byte(secret))
	for _, part := range []string{"ksef login attempts", issuer, client} {
		m.Write([]byte(part + "\x00"))
	}
	return sealer{m.Sum(nil)}
}

func (s sealer) derive(what, of string) string {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(what + "\x00" + of))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s sealer) attempt(p packed) Attempt {
	return Attempt{ID: p.ID, Next: p.Next, Begun: time.Unix(p.Begun, 0),
		state: s.derive("state", p.ID), nonce: s.derive("nonce", p.ID), verifier: s.derive("verifier", p.ID)}
}

// begin makes an attempt and the value of its cookie.
func (s sealer) begin(now time.Time, next string) (a Attempt, cookie string) {
	if len(next) > maxNext {
		next = "/"
	}
	p := packed{ID: rand.Text(), Next: next, Begun: now.Unix()}
	raw, _ := json.Marshal(p) // strings and numbers cannot fail
	body := base64.RawURLEncoding.EncodeToString(raw)
	return s.attempt(p), body + "." + s.derive("cookie", body)
}

// open reads a cookie. The error says what is wrong with it.
func (s sealer) open(now time.Time, cookie string) (Attempt, error) {
	if cookie == "" {
		return Attempt{}, fault(Stale, "the browser has no cookie of a login that was begun here")
	}
	body, seal, _ := strings.Cut(cookie, ".")
	if !hmac.Equal([]byte(seal), []byte(s.derive("cookie", body))) {
		return Attempt{}, fault(Stale, "the cookie of the login was not made here, or was made with another client secret")
	}
	var p packed
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(raw, &p) != nil || p.ID == "" {
		return Attempt{}, fault(Stale, "the cookie of the login cannot be read")
	}
	a := s.attempt(p)
	if age := now.Sub(a.Begun); age > AttemptTime || age < -time.Minute {
		return Attempt{}, fault(Stale, "the login was begun %s ago, and %s are allowed", age.Round(time.Second), AttemptTime)
	}
	return a, nil
}

// matches returns nil if a provider's answer belongs to the attempt and has a code.
func (a *Attempt) matches(answer url.Values, issuer string) error {
	// Nothing requires a comparison in constant time here, but it costs nothing.
	if !hmac.Equal([]byte(answer.Get("state")), []byte(a.state)) {
		return fault(Stale, "the answer's state is not the state of the login that this browser began last")
	}
	if iss := answer.Get("iss"); iss != "" && iss != issuer { // RFC 9207
		return fault(Untrusted, "the answer names another issuer")
	}
	if code := answer.Get("error"); code != "" {
		switch code {
		case "temporarily_unavailable", "server_error":
			return fault(Unreachable, "the provider answered %s", code)
		case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope":
			return fault(Setup, "the provider answered %s: compare scopes and the client's settings at the provider", code)
		}
		return fault(Denied, "the provider answered %s", word(code))
	}
	if answer.Get("code") == "" {
		return fault(Untrusted, "the answer has no code")
	}
	return nil
}
