package login

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// KSeF counts the requests of all logins of an address together, the polls of slow ones among them.
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
			t.Fatalf("%d requests", len(at))
		}
		for i := allowed; i < len(at); i++ {
			if span := at[i].Sub(at[i-allowed]); span < time.Second {
				t.Fatalf("%d requests within %v", allowed+1, span)
			}
		}
	})
}
