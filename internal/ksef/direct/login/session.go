package login

import (
	"context"
	"errors"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
)

// Options describe a session. Auth, Credential and NIP are required.
type Options struct {
	Auth       direct.Auth
	Credential Credential
	NIP        string // of the taxpayer, which is the context of the login
	Pace       *Pace  // shared by all sessions of the process; nil never waits
	// Timeout is how long KSeF may take for a login. For a qualified certificate, KSeF asks the
	// issuer whether the certificate was revoked, which can take a while. 0 means DefaultTimeout.
	Timeout time.Duration
	Now     func() time.Time // nil means time.Now
}

// DefaultTimeout is how long a login may take.
const DefaultTimeout = 2 * time.Minute

// Session keeps one taxpayer logged in. Make it with [New]; [Session.Close] ends it. Safe for
// concurrent use.
type Session struct {
	o       Options
	renewal sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	access  live
	refresh live
	proof   Proof     // of the present login's credentials; nil without a login
	begun   time.Time // when that login was made
	denied  bool      // KSeF has said of this login that it lacks a right
	givenUp live      // refresh token of a login that is out of use but still alive
	flight  *flight   // the login or refresh that is under way
	failure failure
}

// live is a token with the times at which it is renewed and ends, by this machine's clock.
type live struct {
	direct.Token
	renew, end time.Time
	refreshed  bool // it came by a refresh
}

// New returns a session that is not logged in. It logs in when a token is first asked for.
func New(o Options) *Session {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Session{o: o}
}

var errClosed = errors.New("this process is about to stop")

func closedError() error {
	return &ksef.APIError{Op: "log in", Group: ksef.GroupLogin, Kind: ksef.KindCanceled, Err: errClosed}
}

// Access implements [direct.Tokens]. However many callers need a token at once, there is one login.
// The login continues when its first caller gives up, because the other callers wait for it. When
// the files of the credentials were replaced, Access logs in with the new ones, because the present
// login could last another week. After a login that failed, no other begins until a pause is over.
func (s *Session) Access(ctx context.Context) (direct.Secret, error) {
	replaced, of := s.replaced()
	s.mu.Lock()
	now := s.o.Now()
	if s.closed {
		s.mu.Unlock()
		return direct.Secret{}, closedError()
	}
	replaced = replaced && of.Equal(s.begun) // if not equal, another caller has logged in meanwhile
	if s.denied && now.Sub(s.begun) >= refusedPause {
		s.givenUp, s.access, s.refresh, s.denied = s.refresh, live{}, live{}, false
	}
	if now.Before(s.access.renew) && !replaced {
		token := s.access.Token.Token
		s.mu.Unlock()
		return token, nil
	}
	if err := s.failure.still(now); err != nil {
		defer s.mu.Unlock()
		return s.last(now, err)
	}
	f := s.flight
	if f == nil {
		f = s.fly(ctx, replaced)
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		if f.err == nil {
			return f.token, nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.last(s.o.Now(), f.err)
	case <-ctx.Done():
		return direct.Secret{}, &ksef.APIError{Op: "log in", Group: ksef.GroupLogin, Kind: ksef.KindCanceled, Err: context.Cause(ctx)}
	}
}

// last is called when the access token could not be renewed, with the reason in why. It returns the
// token as long as it is valid, and why when it is not. The caller holds mu.
func (s *Session) last(now time.Time, why error) (direct.Secret, error) {
	if now.Before(s.access.end) {
		return s.access.Token.Token, nil
	}
	return direct.Secret{}, why
}

// replaced reports whether the credentials differ from those of the present login. Unreadable
// credentials count as the same. begun is when the present login was made.
func (s *Session) replaced() (is bool, begun time.Time) {
	s.mu.Lock()
	proof, begun := s.proof, s.begun
	s.mu.Unlock()
	if proof == nil {
		return false, begun
	}
	now, err := s.o.Credential()
	return err == nil && !sameProof(proof, now), begun
}

// IsZero reports whether there is no token.
func (l live) IsZero() bool { return l.Token.Token.IsZero() }

// Refused implements [direct.Tokens]. The next call of Access gets another token. If the refused
// token came from a refresh, the next call logs in again.
func (s *Session) Refused(token direct.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.access.Token.Token != token {
		return // another caller was faster
	}
	if s.access.refreshed {
		s.refresh = live{}
	}
	s.access = live{}
}

// Denied implements [direct.Tokens]. A token, and any token that a refresh brings, keeps the rights
// of the moment of its login. Rights that were granted later come only with another login. Access
// makes that login when the present one is at least refusedPause old. So a missing right costs at
// most one login for each such pause, and not one for each request.
func (s *Session) Denied(token direct.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = s.denied || s.access.Token.Token == token
}

// LoggedIn reports whether there is an access token that is alive.
func (s *Session) LoggedIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o.Now().Before(s.access.end)
}

// Close ends the session. No token is given out any more, and a login under way is broken off. KSeF
// is told if ctx leaves time for the request. Close returns the error of this request. A login that
// was not ended ends by itself within days.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	last := s.refresh
	if last.IsZero() {
		last = s.givenUp
	}
	s.access, s.refresh, s.givenUp = live{}, live{}, live{}
	if s.flight != nil {
		s.flight.cancel(errClosed)
	}
	s.mu.Unlock()
	s.renewal.Wait()
	if last.IsZero() || !s.o.Now().Before(last.end) {
		return nil
	}
	return s.o.Auth.End(ctx, last.Token)
}
