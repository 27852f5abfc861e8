package login

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace_ManyLoginsAtOnce_AreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(20)
		begun := time.Now()
		var all sync.WaitGroup
		for range 11 {
			all.Go(func() { _ = p.Wait(background) })
		}
		all.Wait()
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("eleven logins of four requests each began within %v at 20 requests a second, want exactly 2s", took)
		}
		ctx, cancel := context.WithCancel(background)
		cancel()
		_ = p.Wait(ctx)
		if err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with a canceled context Wait gives the error %v, want that of the context", err)
		}
	})
}

// KSeF counts the requests of all logins from one IP address together, including the polls of slow
// logins.
func TestPace_ManySlowLoginsAtOnce_NoSecondHasMoreRequestsThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const allowed, logins = 20, 40
		var mu sync.Mutex
		var at []time.Time
		f := &fakeKSeF{polls: 8, intercept: func(string, int) *answer {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return nil
		}}
		p := NewPace(allowed)
		var all sync.WaitGroup
		for range logins {
			s := session(t, f, func(o *Options) { o.Pace = p })
			all.Go(func() { access(t, s) })
		}
		all.Wait()
		if len(at) != logins*(4+f.polls) {
			t.Fatalf("all logins together made %d requests, want %d", len(at), logins*(4+f.polls))
		}
		for i := allowed; i < len(at); i++ {
			if span := at[i].Sub(at[i-allowed]); span < time.Second {
				t.Fatalf("%d requests were made within %v, want a second or more", allowed+1, span)
			}
		}
	})
}
