package login

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
)

// tokens are the result of a renewal. After a refresh only access is set.
type tokens struct {
	access, refresh live
	proof           Proof
}

// renew refreshes the access token, or logs in.
func (s *Session) renew(ctx context.Context, refresh live) (tokens, error) {
	if !refresh.IsZero() && s.o.Now().Before(refresh.end) {
		if err := s.turn(ctx, 1); err != nil {
			return tokens{}, err
		}
		sent := s.o.Now()
		access, err := s.o.Auth.Refresh(ctx, refresh.Token)
		if err == nil {
			got := lifeOf(access, sent, refresh.skew())
			got.refreshed = true
			return tokens{access: got}, nil
		}
		if passes(err) {
			return tokens{}, err
		}
	}
	// KSeF gives the tokens of a login once, so the login is lost when the answer to redeem is
	// lost. One more login is then tried at once, but only one.
	got, err := s.login(ctx)
	if lost(err) && ctx.Err() == nil {
		got, err = s.login(ctx)
	}
	if in, ok := errors.AsType[redeemError](err); ok {
		err = in.error
	}
	return got, err
}

// passes reports whether a request failed only because it was held back or broken off on this side,
// or because KSeF asks to wait. A full login would be held back as well.
func passes(err error) bool {
	e, ok := errors.AsType[*ksef.APIError](err)
	return ok && (e.Kind == ksef.KindGated || e.Kind == ksef.KindThrottled || e.Kind == ksef.KindCanceled)
}

// redeemError marks the failure of redeem, which is the one request of a login that cannot be
// repeated.
type redeemError struct{ error }

func (e redeemError) Unwrap() error { return e.error }

func lost(err error) bool {
	_, is := errors.AsType[redeemError](err)
	return is && !passes(err)
}

func (s *Session) login(ctx context.Context) (tokens, error) {
	proof, err := s.o.Credential()
	if err != nil {
		return tokens{}, local("load credentials", err)
	}
	if err := s.o.Pace.Wait(ctx); err != nil {
		return tokens{}, brokenOff(err)
	}
	if err := s.turn(ctx, 1); err != nil {
		return tokens{}, err
	}
	asked := s.o.Now()
	challenge, err := s.o.Auth.Challenge(ctx)
	if err != nil {
		return tokens{}, err
	}
	// KSeF tells the end of a token's life by its own clock, which may differ from this machine's.
	skew := challenge.Time().Sub(asked)
	if err := s.turn(ctx, 2); err != nil { // a login by token fetches KSeF's public key as well
		return tokens{}, err
	}
	begun, err := proof.Begin(ctx, s.o.Auth, challenge, s.o.NIP, challenge.Time())
	if err != nil {
		return tokens{}, err
	}
	if err := s.poll(ctx, begun); err != nil {
		return tokens{}, err
	}
	if err := s.turn(ctx, 1); err != nil {
		return tokens{}, err
	}
	sent := s.o.Now()
	got, err := s.o.Auth.Redeem(ctx, begun)
	if err != nil {
		return tokens{}, redeemError{err}
	}
	return tokens{lifeOf(got.Access, sent, skew), lifeOf(got.Refresh, sent, skew), proof}, nil
}

// poll waits for the end of a login, which typically takes one to four seconds.
func (s *Session) poll(ctx context.Context, b direct.Begun) error {
	const first, longest = 200 * time.Millisecond, 5 * time.Second
	end := s.o.Now().Add(s.o.Timeout)
	for pause := first; ; pause = min(pause*3/2, longest) {
		if err := s.turn(ctx, 1); err != nil {
			return err
		}
		status, err := s.o.Auth.Status(ctx, b)
		switch {
		case err != nil:
			return err
		case status.Status.Done():
			return nil
		case !s.o.Now().Before(end):
			return &ksef.APIError{Op: "log in", Group: ksef.GroupLogin, Kind: ksef.KindOutage, Code: status.Status.Code,
				Description: status.Status.Description, Err: errSlow}
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return brokenOff(context.Cause(ctx))
		}
	}
}

// turn waits until n requests may be made.
func (s *Session) turn(ctx context.Context, n int) error {
	if err := s.o.Pace.Request(ctx, n); err != nil {
		return brokenOff(err)
	}
	return nil
}

func brokenOff(cause error) error {
	return &ksef.APIError{Op: "log in", Group: ksef.GroupLogin, Kind: ksef.KindCanceled, Err: cause}
}

// errSlow says that KSeF has not finished a login in the time that it may take.
var errSlow = errors.New("KSeF has not finished the login in time")

// reserve is how long before its end an access token is renewed. It is shortened to a fifth of the
// token's life if that is less. Without a reserve, a request that waits at the gate could leave
// with a token that has ended.
const reserve = time.Minute

// lifeOf returns a token with its life by this machine's clock. sent is when it was asked for, skew
// how far KSeF's clock is ahead.
func lifeOf(t direct.Token, sent time.Time, skew time.Duration) live {
	end := t.ValidUntil.Add(-skew)
	life := end.Sub(sent)
	return live{Token: t, end: end, renew: end.Add(-min(reserve, life/5))}
}

// skew returns how far KSeF's clock was ahead when the token was fetched.
func (l live) skew() time.Duration { return l.ValidUntil.Sub(l.end) }
