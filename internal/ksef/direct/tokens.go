package direct

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

type createTokenWire struct {
	Permissions []string `json:"permissions"`
	Description string   `json:"description"`
}

// CreatedToken is a KSeF token, with which its bearer logs in. KSeF shows the token only this once.
type CreatedToken struct {
	ReferenceNumber string `json:"referenceNumber"`
	Token           Secret `json:"token"`
}

// CreateToken makes a token with permissions that the login itself has. description is for people,
// 5 to 256 characters. The token works once its status is Active.
func (a Account) CreateToken(ctx context.Context, permissions []string, description string) (CreatedToken, error) {
	k := post("create a token", ksef.GroupTokens, "/tokens", createTokenWire{permissions, description})
	if n := len([]rune(description)); n < 5 || n > 256 {
		k = k.Bad(fmt.Errorf("description has %d characters, must have 5 to 256", n))
	}
	if len(permissions) == 0 {
		k = k.Bad(errors.New("permissions is empty"))
	}
	var out CreatedToken
	err := a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&out, func() error {
			if out.Token.IsZero() {
				return errors.New("answer has no token")
			}
			return missing("referenceNumber", out.ReferenceNumber)
		})
	})
	if err != nil {
		return CreatedToken{}, err
	}
	return out, nil
}

// Statuses of a token. There may be others.
const (
	TokenPending  = "Pending"
	TokenActive   = "Active"
	TokenRevoking = "Revoking"
	TokenRevoked  = "Revoked"
	TokenFailed   = "Failed"
)

// TokenInfo is what KSeF tells about a token.
type TokenInfo struct {
	ReferenceNumber string         `json:"referenceNumber"`
	Description     lenient.Text   `json:"description"`
	Permissions     []lenient.Text `json:"requestedPermissions"`
	DateCreated     ksef.Time      `json:"dateCreated"`
	LastUse         ksef.Time      `json:"lastUseDate"`
	Status          lenient.Text   `json:"status"`
	StatusDetails   lenient.Text   `json:"statusDetails"`
}

// TokenStatus returns what KSeF tells about a token.
func (a Account) TokenStatus(ctx context.Context, reference string) (TokenInfo, error) {
	var out TokenInfo
	err := a.do(ctx, get("ask about a token", ksef.GroupTokens, "/tokens/%s", reference), func(r *httponce.Answer) error {
		return r.Checked(&out, func() error { return missing("status", string(out.Status)) })
	})
	if err != nil {
		return TokenInfo{}, err
	}
	return out, nil
}

// RevokeToken revokes a token. A login that was made with the token lives on until the access token
// of the login ends.
func (a Account) RevokeToken(ctx context.Context, reference string) error {
	return a.do(ctx, remove("revoke a token", ksef.GroupTokens, "/tokens/%s", reference), (*httponce.Answer).Nothing)
}

// LoginSession is a login that is alive.
type LoginSession struct {
	ReferenceNumber string          `json:"referenceNumber"`
	StartDate       ksef.Time       `json:"startDate"`
	Status          ksef.StatusInfo `json:"status"`
	RefreshUntil    ksef.Time       `json:"refreshTokenValidUntil"`
	IsCurrent       lenient.Bool    `json:"isCurrent"`
}

type loginSessionsWire struct {
	ContinuationToken string          `json:"continuationToken"`
	Items             *[]LoginSession `json:"items"`
}

// LoginSessions lists the logins that are alive, one page of 100. next is "" for the first.
func (a Account) LoginSessions(ctx context.Context, next string) (list []LoginSession, more string, err error) {
	var w loginSessionsWire
	k := query(get("list logins", ksef.GroupLoginSessions, "/auth/sessions"), "pageSize", strconv.Itoa(100))
	err = a.do(ctx, from(k, next), func(r *httponce.Answer) error {
		return r.Checked(&w, func() error {
			if w.Items == nil {
				return errors.New("answer has no list of logins")
			}
			return nil
		})
	})
	if err != nil {
		return nil, "", err
	}
	return *w.Items, w.ContinuationToken, nil
}

// EndLoginSession revokes a login.
func (a Account) EndLoginSession(ctx context.Context, reference string) error {
	return a.do(ctx, remove("end a login", ksef.GroupLoginSessions, "/auth/sessions/%s", reference), (*httponce.Answer).Nothing)
}
