package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// States of a token, as the contract names them.
const (
	TokenPending = "Pending"
	TokenActive  = "Active"
	TokenRevoked = "Revoked"
)

// Token is a secret with which a program logs in.
type Token struct {
	Context     Context
	Secret      string
	Permissions []string
	Description string
}

// maxToken is the largest number of characters that the contract allows in a token.
const maxToken = 160

func (t Token) validate() error {
	switch {
	case !t.Context.Valid() || t.Context.Type != "Nip" && t.Context.Type != "InternalId":
		return fmt.Errorf("check token: %s is not a context that a token can have", t.Context)
	case t.Secret == "" || len(t.Secret) > maxToken:
		return fmt.Errorf("check token of %s: it has %d characters, 1 to %d are allowed", t.Context, len(t.Secret), maxToken)
	case strings.TrimSpace(t.Secret) != t.Secret:
		return fmt.Errorf("check token of %s: it has white space around it", t.Context)
	}
	return checkPermissions(t.Permissions)
}

type storedToken struct {
	Token
	reference string
	author    Identity
	created   time.Time
	active    time.Time // from then on it is Active
	lastUse   time.Time
	status    string // TokenRevoked, or "" when the time decides
}

func (t *storedToken) statusAt(now time.Time) string {
	switch {
	case t.status != "":
		return t.status
	case now.Before(t.active):
		return TokenPending
	}
	return TokenActive
}

type tokenBook struct {
	byHash map[[32]byte]*storedToken
	byRef  map[string]*storedToken
	order  []*storedToken
}

func newTokenBook() *tokenBook {
	return &tokenBook{byHash: map[[32]byte]*storedToken{}, byRef: map[string]*storedToken{}}
}

func (b *tokenBook) add(t Token, reference string, author Identity, now time.Time) *storedToken {
	s := &storedToken{Token: t, reference: reference, author: author, created: now, active: now}
	b.byHash[sha256.Sum256([]byte(t.Secret))] = s
	b.byRef[reference] = s
	b.order = append(b.order, s)
	return s
}

func (b *tokenBook) bySecret(secret string) *storedToken {
	return b.byHash[sha256.Sum256([]byte(secret))]
}

// TokenInfo is what may be told of a token.
type TokenInfo struct {
	Reference   string
	Author      Identity
	Context     Context
	Description string
	Permissions []string
	Created     time.Time
	LastUse     time.Time // zero when it was never used
	Status      string
}

// Tokens are the KSeF tokens that a desk knows.
type Tokens struct{ *Desk }

// Tokens returns the tokens of the desk.
func (d *Desk) Tokens() Tokens { return Tokens{d} }

func (d Tokens) info(t *storedToken) TokenInfo {
	return TokenInfo{t.reference, t.author, t.Context, t.Description, t.Permissions, t.created, t.lastUse, t.statusAt(d.opts.Now())}
}

// Create makes a token for the context of a login. The new token is Pending for as long as a login
// takes. Errors: *Refusal.
func (d Tokens) Create(a Access, permissions []string, description string) (reference, secret string, err error) {
	if a.Context.Type != "Nip" && a.Context.Type != "InternalId" {
		return "", "", &Refusal{Code: 26002, Description: "Nie można wygenerować tokena dla obecnego typu kontekstu.",
			Details: []string{fmt.Sprintf("Obecny typ kontekstu: %s, dozwolone: Nip, InternalId.", a.Context.Type)}}
	}
	var missing []string
	for _, p := range permissions {
		if !slices.Contains(a.Permissions, p) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		return "", "", &Refusal{Code: 26001, Description: "Nie można nadać tokenowi uprawnień których nie posiadasz.",
			Details: []string{strings.Join(missing, ", ")}}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	reference = d.opts.Reference("EC")
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", "", fmt.Errorf("draw token: %w", err)
	}
	secret = reference + "|" + strings.ToLower(a.Context.Type) + "-" + a.Context.Value + "|" + hex.EncodeToString(raw[:])
	now := d.opts.Now()
	t := d.tokens.add(Token{a.Context, secret, slices.Clone(permissions), description}, reference, a.Identity, now)
	t.active = now.Add(d.opts.Delay)
	return reference, secret, nil
}

// ErrNoToken is what One and Revoke return for a token that does not exist, or that the login may
// not see. Revoke also returns it for a token that the login may see but not end.
var ErrNoToken = errors.New("there is no such token")

func (d Tokens) visible(a Access, reference string) (*storedToken, error) {
	t := d.tokens.byRef[reference]
	if t == nil || t.Context != a.Context || t.author != a.Identity && !a.May(CredentialsManage, CredentialsRead) {
		return nil, ErrNoToken
	}
	return t, nil
}

// One tells what is known about a token.
func (d Tokens) One(a Access, reference string) (TokenInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.visible(a, reference)
	if err != nil {
		return TokenInfo{}, err
	}
	return d.info(t), nil
}

// List lists the tokens that a login may see, newest first.
func (d Tokens) List(a Access) []TokenInfo {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []TokenInfo
	for _, t := range slices.Backward(d.tokens.order) {
		if seen, err := d.visible(a, t.reference); err == nil {
			all = append(all, d.info(seen))
		}
	}
	return all
}

// Revoke ends a token. The token must be the caller's own. With CredentialsManage, it may be any
// token of the context.
func (d Tokens) Revoke(a Access, reference string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.visible(a, reference)
	if err != nil || t.author != a.Identity && !a.May(CredentialsManage) {
		return ErrNoToken
	}
	t.status = TokenRevoked
	return nil
}
