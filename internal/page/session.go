package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/oidc"
)

// SessionTime is how long a login with a password lasts, and the longest that any login lasts.
const SessionTime = 12 * time.Hour

// Sessions are the logins of the pool. A login at one worker is valid at all workers. Redis has
// only a digest of the token, so somebody who reads Redis cannot log in with it. Safe for
// concurrent use.
type Sessions struct {
	rdb    redis.UniversalClient
	prefix string
}

// NewSessions returns the sessions of the pool with this prefix of keys.
func NewSessions(rdb redis.UniversalClient, prefix string) *Sessions { return &Sessions{rdb, prefix} }

// session is what Redis has of a login.
type session struct {
	User string `json:"user"`
	Seal string `json:"seal"` // digest of the token; a new password changes it and ends the session
	// Provider says that the provider of logins named the user. Groups are the groups of the
	// configuration that the user was in. For such a user, Seal depends on the client's secret, and
	// covers the groups too.
	Provider bool     `json:"provider,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

func (s *Sessions) key(token string) string {
	sum := sha256.Sum256([]byte(token))
	return s.prefix + "session:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin makes a session of a user of the configuration and returns its token.
func (s *Sessions) begin(ctx context.Context, u *User) (token string, err error) {
	token = rand.Text()
	return token, s.keep(ctx, token, session{User: u.Name, Seal: u.Seal(token)}, SessionTime)
}

// beginAt makes a session of somebody who is in these groups at the provider.
func (s *Sessions) beginAt(ctx context.Context, in *SignIn, name string, groups []string, lasts time.Duration) (token string, err error) {
	token = rand.Text()
	of := session{User: name, Provider: true, Groups: groups}
	of.Seal = in.seal(token, &of)
	return token, s.keep(ctx, token, of, lasts)
}

func (s *Sessions) keep(ctx context.Context, token string, of session, lasts time.Duration) error {
	packed, _ := json.Marshal(of) // strings cannot fail
	if err := s.rdb.Set(ctx, s.key(token), packed, lasts).Err(); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	return nil
}

// once reports whether this is the first time that somebody finishes the login with this id.
func (s *Sessions) once(ctx context.Context, attempt string) (bool, error) {
	sum := sha256.Sum256([]byte(attempt))
	err := s.rdb.SetArgs(ctx, s.prefix+"signin:"+base64.RawURLEncoding.EncodeToString(sum[:]), "", redis.SetArgs{
		Mode: "NX", TTL: 2 * oidc.AttemptTime}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note that a login is finished: %w", err)
	}
	return true, nil
}

// user returns the user whose valid session has this token, or nil. in is the provider of logins,
// or nil if there is none.
func (s *Sessions) user(ctx context.Context, token string, users []User, in *SignIn) (*User, error) {
	if token == "" || len(token) > 100 {
		return nil, nil
	}
	packed, err := s.rdb.Get(ctx, s.key(token)).Bytes()
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") { // WRONGTYPE: another program wrote the key
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	var found session
	if json.Unmarshal(packed, &found) != nil {
		return nil, nil
	}
	if found.Provider {
		if in == nil || in.seal(token, &found) != found.Seal {
			return nil, nil
		}
		return in.user(found.User, found.Groups), nil
	}
	for i := range users {
		if u := &users[i]; u.Name == found.User && u.Seal(token) == found.Seal {
			return u, nil
		}
	}
	return nil, nil
}

func (s *Sessions) end(ctx context.Context, token string) error {
	if err := s.rdb.Del(ctx, s.key(token)).Err(); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}
