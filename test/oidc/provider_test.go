package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID = "ksef-page"
	secret   = "a secret of +/ letters"
	password = "correct horse"
)

// provider is the OpenID provider of the library zitadel/oidc, with the library's example of a
// login page, on a port of its own. The test adds people with groups, and keys that change.
type provider struct {
	*storage.Storage
	t       *testing.T
	address string // stays the same when the provider is stopped and started again
	server  *httptest.Server

	mu        sync.Mutex
	groups    map[string][]string // by the person's id
	inIDToken bool                // whether the ID token has all claims; if not, only the answers of UserInfo have them
	key       *signingKey         // nil: the library's own, for RS256
	leadTo    []string            // addresses to which a logout may lead
}

// users are the people of the library's storage. The name is the same as the id, and the e-mail
// address begins with it.
type users struct{}

func (users) GetUserByID(id string) *storage.User {
	return &storage.User{ID: id, Username: id, Password: password, Email: id + "@example.com", EmailVerified: true}
}
func (users) GetUserByUsername(name string) *storage.User { return users{}.GetUserByID(name) }
func (users) ExampleClientID() string                     { return "service" }

func newProvider(t *testing.T, page string) *provider {
	p := &provider{t: t, address: "127.0.0.1:0", leadTo: []string{page + "/login"}, groups: map[string][]string{
		"anna": {"accounting"}, "olga": {"it", "everyone"}, "jan": {"everyone"},
	}}
	web := storage.WebClient(clientID, secret, page+"/login/oidc/callback")
	p.Storage = storage.NewStorageWithClients(users{}, map[string]*storage.Client{clientID: web})
	p.start()
	t.Cleanup(p.stop)
	return p
}

// start serves the provider. After stop, the provider still knows what it knew.
func (p *provider) start() {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.address = l.Addr().String()
	p.server = httptest.NewUnstartedServer(exampleop.SetupServer(p.issuer(), p, slog.New(slog.DiscardHandler), false))
	_ = p.server.Listener.Close()
	p.server.Listener = l
	p.server.Start()
}

func (p *provider) stop() {
	if p.server != nil {
		p.server.Close()
		p.server = nil
	}
}

func (p *provider) issuer() string { return "http://" + p.address }

// set changes what the provider does while it runs.
func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// client is the page as the provider knows it.
type client struct {
	op.Client
	p *provider
}

// IDTokenUserinfoClaimsAssertion implements [op.Client].
func (c client) IDTokenUserinfoClaimsAssertion() bool {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.p.inIDToken
}

// PostLogoutRedirectURIs implements [op.Client].
func (c client) PostLogoutRedirectURIs() []string { return c.p.leadTo }

// GetClientByClientID implements [op.Storage].
func (p *provider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := p.Storage.GetClientByClientID(ctx, id)
	return client{c, p}, err
}

func (p *provider) tell(info *oidc.UserInfo, subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info.AppendClaims("groups", p.groups[subject])
}

// SetUserinfoFromRequest adds groups to ID tokens that have all claims.
func (p *provider) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	p.mu.Lock()
	all := p.inIDToken
	p.mu.Unlock()
	if all {
		p.tell(info, r.GetSubject())
	}
	return p.Storage.SetUserinfoFromRequest(ctx, info, r, scopes)
}

// SetUserinfoFromToken adds groups to the answers of the UserInfo endpoint.
func (p *provider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	p.tell(info, subject)
	return p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

// signingKey is a key for ES256.
type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func newKey(t *testing.T, id string) *signingKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signingKey{id, k}
}

func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k *signingKey) Algorithm() jose.SignatureAlgorithm          { return jose.ES256 }
func (k *signingKey) Use() string                                 { return "sig" }
func (k *signingKey) Key() any                                    { return k.key }
func (k *signingKey) ID() string                                  { return k.id }

// publicKey is the public part of a signingKey.
type publicKey struct{ *signingKey }

func (k publicKey) Key() any { return &k.key.PublicKey }

func (p *provider) own() *signingKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key
}

// SigningKey implements [op.Storage].
func (p *provider) SigningKey(ctx context.Context) (op.SigningKey, error) {
	if k := p.own(); k != nil {
		return k, nil
	}
	return p.Storage.SigningKey(ctx)
}

// SignatureAlgorithms implements [op.Storage].
func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, nil
}

// KeySet implements [op.Storage].
func (p *provider) KeySet(ctx context.Context) ([]op.Key, error) {
	if k := p.own(); k != nil {
		return []op.Key{publicKey{k}}, nil
	}
	return p.Storage.KeySet(ctx)
}
