package oidc

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"net/url"
	"time"

	lib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// leeway is for how long a token is accepted after it expired, because clocks differ.
	leeway = time.Minute
	// ahead is how far in the future, by our clock, a token may have been made.
	ahead = 5 * time.Minute
)

// Open reads the cookie of a login and checks that the answer of the provider belongs to it. The
// caller then makes sure that the attempt is finished only once, and calls Exchange. The error is
// an [*Error].
func (p *Provider) Open(cookie string, answer url.Values) (Attempt, error) {
	a, err := p.seal.open(p.o.Now(), cookie)
	if err != nil {
		return Attempt{}, err
	}
	return a, a.matches(answer, p.o.Issuer)
}

// Exchange sends the provider the code of an answer that Open accepted, and returns the person whom
// the provider names. The error is an [*Error].
func (p *Provider) Exchange(ctx context.Context, a Attempt, answer url.Values) (Person, error) {
	m, err := p.discovered(ctx)
	if err != nil {
		return Person{}, err
	}
	if m.namesIssuer && answer.Get("iss") == "" { // RFC 9207, section 2.4
		return Person{}, fault(Untrusted, "the answer names no issuer, although the provider says that its answers name one")
	}
	ctx = lib.ClientContext(ctx, p.client)
	token, err := m.oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.verifier))
	if err != nil {
		return Person{}, ofToken(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Person{}, fault(Setup, "the token endpoint gave no ID token: is openid allowed for this client?")
	}
	id, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, &Error{Untrusted, short(err)}
	}
	if !hmac.Equal([]byte(id.Nonce), []byte(a.nonce)) {
		return Person{}, fault(Untrusted, "the ID token has the nonce of another login")
	}
	if made := id.IssuedAt; made.After(p.o.Now().Add(ahead)) {
		return Person{}, fault(Untrusted, "the ID token was made at %s, which is in the future: compare the clocks",
			made.UTC().Format(time.RFC3339))
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Person{}, &Error{Untrusted, short(err)}
	}
	if azp, _ := c["azp"].(string); len(id.Audience) > 1 && azp == "" || azp != "" && azp != p.o.ClientID {
		return Person{}, fault(Untrusted, "the ID token was made for another client (azp)")
	}
	if id.Subject == "" {
		return Person{}, fault(Untrusted, "the ID token names nobody: it has no sub")
	}
	if c.at(p.o.GroupsClaim) == nil || p.name(c) == "" {
		if err := p.fill(ctx, m, id, token, c); err != nil {
			return Person{}, err
		}
	}
	return p.person(c, id)
}

// discovered returns the metadata that this worker read last, however old it is. It asks the
// provider only if this worker has read none yet.
func (p *Provider) discovered(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	m := p.found
	p.mu.Unlock()
	if m != nil {
		return m, nil
	}
	return p.reach(ctx)
}

// fill adds the claims of the UserInfo endpoint to those of the ID token. Many providers keep the
// ID token small and give the groups only at this endpoint.
func (p *Provider) fill(ctx context.Context, m *metadata, id *lib.IDToken, token *oauth2.Token, c claims) error {
	address := m.provider.UserInfoEndpoint()
	if address == "" {
		return nil
	}
	if err := p.endpoint(address); err != nil {
		return fault(Setup, "userinfo_endpoint: %w", err)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return &Error{Untrusted, short(err)}
		}
	}
	info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fault(Unreachable, "ask the userinfo endpoint: %w", short(err))
	}
	// OpenID Connect Core 1.0, section 5.3.2.
	if info.Subject != id.Subject {
		return fault(Untrusted, "the userinfo endpoint answered about another person")
	}
	var more map[string]json.RawMessage
	if err := info.Claims(&more); err != nil {
		return &Error{Untrusted, short(err)}
	}
	for name, value := range more {
		if _, there := c[name]; !there {
			var v any
			if json.Unmarshal(value, &v) == nil {
				c[name] = v
			}
		}
	}
	return nil
}
