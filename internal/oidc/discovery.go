package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	lib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// metadata is what this program uses of the discovery document of a provider.
type metadata struct {
	provider   *lib.Provider
	verifier   *lib.IDTokenVerifier
	oauth      oauth2.Config
	endSession string // "": the provider has no logout that can be used
	// namesIssuer says that each answer of the provider names the issuer.
	namesIssuer bool
}

// ask gets the discovery document and checks it.
func (p *Provider) ask(ctx context.Context) (*metadata, error) {
	found, err := lib.NewProvider(lib.ClientContext(ctx, p.client), p.o.Issuer)
	if other, ok := errors.AsType[*lib.IssuerMismatchError](err); ok {
		return nil, &Error{Setup, short(fmt.Errorf("%s calls itself %q: http.oidc.issuer must be exactly that",
			p.o.Issuer, other.Discovered))}
	}
	if err != nil {
		return nil, &Error{Unreachable, fmt.Errorf("ask %s for its openid-configuration: %w", p.o.Issuer, short(err))}
	}
	var more discovered
	if err := found.Claims(&more); err != nil {
		return nil, fault(Unreachable, "the openid-configuration of %s cannot be read: %w", p.o.Issuer, short(err))
	}
	endpoint, err := p.endpoints(found.Endpoint(), &more)
	if err != nil {
		return nil, fault(Setup, "the openid-configuration of %s: %w", p.o.Issuer, err)
	}
	if p.endpoint(more.EndSession) != nil {
		more.EndSession = ""
	}
	scopes := []string{lib.ScopeOpenID}
	for _, s := range p.o.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return &metadata{
		provider: found, endSession: more.EndSession, namesIssuer: more.Issuer,
		verifier: found.Verifier(&lib.Config{ClientID: p.o.ClientID, Now: func() time.Time { return p.o.Now().Add(-leeway) }}),
		oauth: oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, RedirectURL: p.o.RedirectURL,
			Endpoint: endpoint, Scopes: scopes},
	}, nil
}

// discovered is what is read of a discovery document in addition to what the library reads.
type discovered struct {
	Keys       string   `json:"jwks_uri"`
	EndSession string   `json:"end_session_endpoint"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Challenges []string `json:"code_challenge_methods_supported"`
	Issuer     bool     `json:"authorization_response_iss_parameter_supported"`
}

// endpoints checks the addresses of a discovery document, and chooses how the secret is sent.
func (p *Provider) endpoints(endpoint oauth2.Endpoint, more *discovered) (oauth2.Endpoint, error) {
	for _, named := range [][2]string{{"authorization_endpoint", endpoint.AuthURL}, {"token_endpoint", endpoint.TokenURL},
		{"jwks_uri", more.Keys}} {
		if err := p.endpoint(named[1]); err != nil {
			return endpoint, fmt.Errorf("%s: %w", named[0], err)
		}
	}
	if len(more.Challenges) > 0 && !slices.Contains(more.Challenges, "S256") {
		return endpoint, errors.New("code_challenge_methods_supported has no S256")
	}
	// If no way of sending the secret is chosen, the library tries one way after the other, with
	// the same code. But a code may be used only once, and a provider may refuse the second try for
	// that reason.
	switch {
	case len(more.Methods) == 0 || slices.Contains(more.Methods, "client_secret_basic"):
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	case slices.Contains(more.Methods, "client_secret_post"):
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	default:
		return endpoint, errors.New("token_endpoint_auth_methods_supported has neither client_secret_basic nor client_secret_post")
	}
	return endpoint, nil
}

// endpoint checks an address in the discovery document. Plain HTTP on this machine is allowed only
// when the issuer uses it, too.
func (p *Provider) endpoint(address string) error {
	if address == "" {
		return errors.New("is missing")
	}
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("is not a URL")
	}
	issuer, err := url.Parse(p.o.Issuer)
	if err == nil && issuer.Scheme == "https" && u.Scheme != "https" {
		return fmt.Errorf("%s://%s is not https", u.Scheme, u.Host)
	}
	return encrypted(u)
}
