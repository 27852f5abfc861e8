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
			t.Errorf("eleven logins of four requests began within %v, at 20 requests a second", took)
		}
		ctx, cancel := context.WithCancel(background)
		cancel()
		_ = p.Wait(ctx)
		if err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
