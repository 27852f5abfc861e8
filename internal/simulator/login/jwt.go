package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// token is a signed JWT and the moment from which it is refused.
type token struct {
	Text       string
	ValidUntil time.Time
}

// Kinds of JWT. No kind is accepted in place of another.
const (
	kindOperation = "OperationToken"
	kindAccess    = "ContextToken"
	kindRefresh   = "RefreshToken"
)

// claims are those of the Ministry's example tokens, and an id of the token.
type claims struct {
	Kind         string   `json:"token-type"`
	Operation    string   `json:"operation-reference-number"`
	ContextType  string   `json:"context-identifier-type,omitempty"`
	ContextValue string   `json:"context-identifier-value,omitempty"`
	Method       string   `json:"authentication-method,omitempty"`
	Permissions  []string `json:"permissions,omitempty"`
	ID           string   `json:"jti"`
	Expires      int64    `json:"exp"`
	Issued       int64    `json:"iat"`
	Issuer       string   `json:"iss"`
	Audience     string   `json:"aud"`
}

const issuer = "ksef-api-sim"

func jwtHead() string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
}

// issue makes a token. exp has whole seconds, so a token's end is rounded down to them.
func (d *Desk) issue(kind string, o *operation, until time.Time) token {
	until = until.Truncate(time.Second)
	c := claims{
		Kind: kind, Operation: o.reference, ID: rand.Text(), Expires: until.Unix(), Issued: d.opts.Now().Unix(),
		Issuer: issuer, Audience: issuer,
	}
	if kind != kindOperation {
		c.ContextType, c.ContextValue, c.Method = o.context.Type, o.context.Value, o.method
	}
	if kind == kindAccess {
		c.Permissions = o.permissions
	}
	raw, _ := json.Marshal(c) // strings and numbers never fail
	body := jwtHead() + "." + base64.RawURLEncoding.EncodeToString(raw)
	return token{body + "." + sign(d.secret, body), until}
}

func sign(secret []byte, body string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(body)) // writing to a hash does not fail
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// read verifies the form, the signature, the kind and the time of a token.
func (d *Desk) read(text, kind string) (claims, error) {
	at := strings.LastIndexByte(text, '.')
	if at < 0 || !hmac.Equal([]byte(text[at+1:]), []byte(sign(d.secret, text[:at]))) {
		return claims{}, &Unauthorized{"the token is not one of ours"}
	}
	_, middle, _ := strings.Cut(text[:at], ".")
	raw, err := base64.RawURLEncoding.DecodeString(middle)
	var c claims
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return claims{}, &Unauthorized{"the token has no claims"}
	}
	if c.Kind != kind {
		return claims{}, &Unauthorized{"a " + c.Kind + " where a " + kind + " is due"}
	}
	if d.opts.Now().Unix() >= c.Expires {
		return claims{}, &Unauthorized{"the " + kind + " has expired"}
	}
	return c, nil
}

// ContextOf returns the context of the login to which a token of any kind belongs. It returns the
// zero value when the token is not one of ours. ContextOf authorizes nothing.
func (d *Desk) ContextOf(text string) Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := strings.LastIndexByte(text, '.')
	if at < 0 || !hmac.Equal([]byte(text[at+1:]), []byte(sign(d.secret, text[:at]))) {
		return Context{}
	}
	_, middle, _ := strings.Cut(text[:at], ".")
	raw, _ := base64.RawURLEncoding.DecodeString(middle) // we have written it
	var c claims
	if json.Unmarshal(raw, &c) != nil || d.operations[c.Operation] == nil {
		return Context{}
	}
	return d.operations[c.Operation].context
}

// bearerOf returns the operation of a token of this kind. The caller holds mu.
func (d *Desk) bearerOf(text, kind string) (*operation, error) {
	c, err := d.read(text, kind)
	if err != nil {
		return nil, err
	}
	o := d.operations[c.Operation]
	if o == nil {
		return nil, notFound(c.Operation)
	}
	return o, nil
}
