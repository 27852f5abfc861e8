package login

import (
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ksef"
)

func TestClose_EndsTheLoginAndGivesOutNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{}
		s := session(t, f, nil)
		access(t, s)
		if err := s.Close(background); err != nil || f.count("/auth/sessions/current") != 1 || len(f.refresh) != 0 {
			t.Errorf("Close returned %v after the requests %q, want no error and one request that ends the login", err, f.paths)
		}
		if e := failed(t, s); e.Kind != ksef.KindCanceled {
			t.Errorf("after Close, Access gives the error %v, want KindCanceled", e)
		}
		if err := s.Close(background); err != nil || f.count("/auth/sessions/current") != 1 {
			t.Errorf("the second Close returned %v after the requests %q, want no error and no further request", err, f.paths)
		}
	})
}

func TestClose_LoginUnderWay_IsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{polls: 1 << 30}
		s := session(t, f, nil)
		got := make(chan error)
		go func() {
			_, err := s.Access(background)
			got <- err
		}()
		synctest.Wait()
		begun := time.Now()
		closed := make(chan error)
		go func() { closed <- s.Close(background) }()
		if e, ok := (<-got).(*ksef.APIError); !ok || e.Kind != ksef.KindCanceled {
			t.Errorf("the login under way gives the error %v, want KindCanceled", e)
		}
		if err := <-closed; err != nil || time.Since(begun) > 0 {
			t.Errorf("Close returned %v after %v, want no error, and no wait for the login under way", err, time.Since(begun))
		}
	})
}
