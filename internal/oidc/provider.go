package oidc

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"sync"
	"time"

	lib "github.com/coreos/go-oidc/v3/oidc"
	"github.com/rs/zerolog"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// Options describe the provider, and this program as its client. Every field is required unless its
// comment says otherwise.
type Options struct {
	Issuer       string // its URL, exactly as the provider writes it
	ClientID     string
	ClientSecret string
	RedirectURL  string         // the page's address, to which the provider sends people back
	LoggedOutURL string         // where it sends them after a logout; "": it shows a page of its own
	Scopes       []string       // in addition to openid; may be empty
	NameClaim    string         // "": preferred_username, else email, else sub
	GroupsClaim  string         // a claim, or a path of claims with dots
	Roots        *x509.CertPool // trusted authorities; nil: the system's authorities
	Now          func() time.Time
	Log          zerolog.Logger
}

const (
	// askAgain is how long a discovery document is used before it is requested again. refuse is how
	// long a provider that did not answer is left alone.
	askAgain = time.Minute
	refuse   = 5 * time.Second
	// tellAgain is how often the log says that the provider is still away.
	tellAgain = time.Hour
)

// Provider is a provider of logins. New sends no request. Requests are sent when the login is
// shown, and when somebody logs in. So while a provider is away, the program still starts, and
// people can log in without the provider. Safe for concurrent use.
type Provider struct {
	o      Options
	client *http.Client
	seal   sealer
	flight singleflight.Group

	mu    sync.Mutex
	found *metadata // the last that was good; nil: none yet
	err   error     // of the last request; nil: the provider answered
	asked time.Time // when the last request was made
	told  time.Time // when the log last said that the provider does not answer
}

// New returns a provider. It sends nothing.
func New(o Options) *Provider {
	return &Provider{o: o, client: newClient(o.Roots), seal: newSealer(o.Issuer, o.ClientID, o.ClientSecret)}
}

// Close closes idle connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Reach returns nil when the provider answered within the last minute, or answers now. The error is
// an [*Error].
func (p *Provider) Reach(ctx context.Context) error {
	_, err := p.reach(ctx)
	return err
}

// Begin begins a login that leads to the path next, or to "/" if next has more than 1000 bytes. The
// caller redirects the browser to the returned address. The browser has to bring the cookie back.
// The error is an [*Error].
func (p *Provider) Begin(ctx context.Context, next string) (to, cookie string, err error) {
	m, err := p.reach(ctx)
	if err != nil {
		return "", "", err
	}
	a, cookie := p.seal.begin(p.o.Now(), next)
	return m.oauth.AuthCodeURL(a.state, lib.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)), cookie, nil
}

// LogoutURL is where a person ends the provider's own session. It is "" when that address is
// unknown or unusable. The URL contains no token of the person, so the provider asks them to
// confirm.
func (p *Provider) LogoutURL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil || p.found.endSession == "" {
		return ""
	}
	u, err := url.Parse(p.found.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.o.ClientID)
	if p.o.LoggedOutURL != "" {
		q.Set("post_logout_redirect_uri", p.o.LoggedOutURL)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// reach returns the metadata of the provider, and asks for it when it is old.
func (p *Provider) reach(ctx context.Context) (*metadata, error) {
	if m, err, fresh := p.known(); fresh {
		return m, err
	}
	// One request serves all callers that wait for the metadata. So it must go on when the caller
	// that began it goes away.
	asking := context.WithoutCancel(ctx)
	answer := p.flight.DoChan("", func() (any, error) {
		if m, err, fresh := p.known(); fresh {
			return m, err
		}
		m, err := p.ask(asking)
		return m, p.keep(m, err)
	})
	select {
	case r := <-answer:
		m, _ := r.Val.(*metadata)
		return m, r.Err
	case <-ctx.Done():
		return nil, fault(Unreachable, "%s does not answer in time", p.o.Issuer)
	}
}

// known returns the result of the last request, and whether it is still fresh.
func (p *Provider) known() (m *metadata, err error, fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := p.o.Now().Sub(p.asked)
	if p.err != nil {
		return nil, p.err, age < refuse
	}
	return p.found, nil, p.found != nil && age < askAgain
}

// keep remembers an answer and returns its error. The log tells when the provider goes away, at
// most once an hour while it stays away, and when it is back.
func (p *Provider) keep(m *metadata, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Now()
	p.asked, p.err = now, err
	switch {
	case err == nil:
		if !p.told.IsZero() {
			p.o.Log.Info().Str("issuer", p.o.Issuer).Msg("the provider of logins answers again")
		}
		p.found, p.told = m, time.Time{}
	case p.told.IsZero() || now.Sub(p.told) >= tellAgain:
		p.o.Log.Warn().Err(err).Str("issuer", p.o.Issuer).
			Msg("nobody can log in with the provider of http.oidc; users of http.users can")
		p.told = now
	}
	return err
}
