package app

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery_CallsAtOnceAndPerInterval_UntilStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, done := make(chan struct{}), make(chan struct{})
		calls := 0
		go func() {
			defer close(done)
			every(t.Context(), 10*time.Second, stop, func(ctx context.Context) {
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("a call has no deadline")
				}
				calls++
			})
		}()
		<-time.After(35 * time.Second)
		close(stop)
		<-done
		if calls != 4 {
			t.Errorf("%d calls in 35 seconds, want 4", calls)
		}
	})
}
