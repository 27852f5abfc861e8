package login

import (
	"context"

	"ksefworker/internal/ksef/direct"
)

// flight is a renewal that callers wait for. It is a refresh or a login.
type flight struct {
	done     chan struct{}
	cancel   context.CancelCauseFunc
	replaced bool // it uses other credentials than the present login
	token    direct.Secret
	err      error
}

// fly begins a renewal. When the credentials were replaced, it is a login and not a refresh. The
// caller holds mu.
func (s *Session) fly(ctx context.Context, replaced bool) *flight {
	f := &flight{done: make(chan struct{}), replaced: replaced}
	s.flight = f
	// The context has the values of the first caller's context, such as the task for which the
	// limiter waits, but it ends independently of that context.
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f.cancel = cancel
	refresh := s.refresh
	if replaced {
		refresh = live{}
	}
	s.renewal.Go(func() {
		defer cancel(nil)
		got, err := s.renew(own, refresh)
		s.land(f, got, err)
		s.endGivenUp(own)
	})
	return f
}

// endGivenUp tells KSeF that the old login is not used any more, once there is a new one. A login
// that nobody ends expires by itself.
func (s *Session) endGivenUp(ctx context.Context) {
	s.mu.Lock()
	old := s.givenUp
	if s.access.IsZero() || s.closed {
		old = live{}
	} else {
		s.givenUp = live{}
	}
	s.mu.Unlock()
	if !old.IsZero() && s.o.Now().Before(old.end) {
		_ = s.o.Auth.End(ctx, old.Token)
	}
}

// land takes the result of a renewal.
func (s *Session) land(f *flight, got tokens, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	switch {
	case s.closed:
		err = closedError() // tokens that arrive after Close are not used
	case err == nil:
		s.access, s.failure, f.token = got.access, failure{}, got.access.Token.Token
		if !got.refresh.IsZero() {
			if f.replaced {
				s.givenUp = s.refresh
			}
			s.refresh, s.proof, s.begun, s.denied = got.refresh, got.proof, s.o.Now(), false
		}
	default:
		s.failure.note(err, s.o.Now())
	}
	f.err = err
	close(f.done)
}
