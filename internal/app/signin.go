package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/oidc"
	"ksefworker/internal/page"
)

// newSignIn returns the login at the provider that the configuration names, or nil when it names
// none. newSignIn sends nothing, because a worker must start and work without the provider.
func newSignIn(cfg config.Config, now func() time.Time, log zerolog.Logger) (*page.SignIn, error) {
	o := cfg.HTTP.OIDC
	if !o.Enabled() {
		return nil, nil
	}
	client, err := o.Client()
	if err != nil {
		return nil, err
	}
	in := &page.SignIn{Title: o.Name(), Lasts: o.Session, Seal: client.Seal, Provider: oidc.New(oidc.Options{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: client.Secret, RedirectURL: o.RedirectURL,
		LoggedOutURL: o.PostLogoutRedirectURL, Scopes: o.Scopes, NameClaim: o.NameClaim, GroupsClaim: o.GroupsClaim,
		Roots: client.Roots, Now: now, Log: log,
	})}
	for _, g := range o.Groups {
		in.Grants = append(in.Grants, page.Grant{Group: g.Group, Tenants: cfg.TitlesSeen(g.Tenants), Operator: g.Role == config.Operator})
	}
	return in, nil
}

// checkSignIn is the part of --check that asks the provider of logins for its configuration.
func checkSignIn(ctx context.Context, cfg config.Config) error {
	in, err := newSignIn(cfg, time.Now, zerolog.Nop())
	if err != nil {
		return err
	}
	defer in.Provider.Close()
	return in.Provider.Reach(ctx)
}
