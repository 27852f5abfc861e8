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
)

// SessionTime is how long a login lasts.
const SessionTime = 12 * time.Hour

// Sessions are the logins of the pool: one that was made at one worker counts at all. Redis has a
// digest of the token, so who reads Redis cannot use it. Safe for concurrent use.
type Sessions struct {
	rdb    redis.UniversalClient
	prefix string
}

// NewSessions returns the sessions of the pool with this prefix of keys.
func NewSessions(rdb redis.UniversalClient, prefix string) *Sessions { return &Sessions{rdb, prefix} }

// session is what Redis has of a login.
type session struct {
	User string `json:"user"`
	Seal string `json:"seal"` // of the token, under the password: a changed password ends the session
}

func (s *Sessions) key(token string) string {
	sum := sha256.Sum256([]byte(token))
	return s.prefix + "session:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin makes a session and returns its token.
func (s *Sessions) begin(ctx context.Context, u *User) (token string, err error) {
	token = rand.Text()
	packed, _ := json.Marshal(session{User: u.Name, Seal: u.Seal(token)}) // strings cannot fail
	if err := s.rdb.Set(ctx, s.key(token), packed, SessionTime).Err(); err != nil {
		return "", fmt.Errorf("begin session: %w", err)
	}
	return token, nil
}

// user returns whose session a token is; nil when it is over or never was one.
func (s *Sessions) user(ctx context.Context, token string, users []User) (*User, error) {
	if token == "" || len(token) > 100 {
		return nil, nil
	}
	packed, err := s.rdb.Get(ctx, s.key(token)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	var found session
	if json.Unmarshal(packed, &found) != nil {
		return nil, nil
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
