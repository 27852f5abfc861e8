package login

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
)

const oldToken, newToken = "20261125-AA-1|nip-5265877635|old", "20261125-AA-2|nip-5265877635|new"

// withFile returns a session of a tenant whose token file contains the text *file.
func withFile(t *testing.T, f *fakeKSeF, file *string) *Session {
	return session(t, f, func(o *Options) {
		o.Credential = func() (Proof, error) { return Token{direct.NewSecret(*file)}, nil }
	})
}

func TestAccess_FileReplaced_IsUsedAtOnceAndTheOldLoginEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := oldToken
		f := &fakeKSeF{token: oldToken}
		s := withFile(t, f, &file)
		first := access(t, s)
		f.token, file = newToken, newToken
		second := access(t, s)
		synctest.Wait()
		if second == first || f.count("/auth/challenge") != 2 || f.count("/auth/token/refresh") != 0 {
			t.Errorf("after the file was replaced, Access gave %s; before it was %s, requests %q; want another token by a full login",
				second, first, f.paths)
		}
		if f.count("/auth/sessions/current") != 1 || len(f.refresh) != 1 {
			t.Errorf("KSeF got the requests %q, want one of them to end the old login", f.paths)
		}
		if again := access(t, s); again != second || f.count("/auth/challenge") != 2 {
			t.Errorf("the next Access gave %s after the requests %q, want %s and no third login", again, f.paths, second)
		}
	})
}

func TestAccess_FileReplacedByABadOne_ErrorNamesItAndTheOldFileServesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := oldToken
		f := &fakeKSeF{token: oldToken}
		s := withFile(t, f, &file)
		first := access(t, s)
		file = newToken
		f.status = direct.LoginToken
		f.token = newToken
		if got := access(t, s); got != first { // the old access token serves until its end, and the gate pauses the tenant
			t.Errorf("after the file was replaced by a bad one, Access gives %s, want still the token of the old login", got)
		}
		time.Sleep(16 * time.Minute)
		if e := failed(t, s); e.Kind != ksef.KindUnauthorized || !strings.Contains(e.Error(), "token_file") {
			t.Errorf("the error is %v, want KindUnauthorized that names token_file", e)
		}
		file, f.token, f.status = oldToken, oldToken, 200
		time.Sleep(refusedPause)
		access(t, s)
		if f.count("/auth/token/refresh") != 1 {
			t.Errorf("KSeF got the requests %q, want one refresh, because the login of the old file must not be lost", f.paths)
		}
	})
}

func TestDenied_RightIsMissing_AnotherLoginAfterThePauseAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{}
		s := session(t, f, nil)
		first := access(t, s)
		for range 10 {
			s.Denied(direct.NewSecret(first))
			if access(t, s) != first {
				t.Fatal("Access made a new login after one missing permission, want none before the pause has passed")
			}
		}
		s.Denied(direct.NewSecret("another"))
		time.Sleep(refusedPause)
		if access(t, s) == first || f.count("/auth/challenge") != 2 || f.count("/auth/token/refresh") != 0 {
			t.Errorf("after the pause, KSeF got the requests %q, want one more full login and no refresh", f.paths)
		}
		synctest.Wait()
		if f.count("/auth/sessions/current") != 1 || len(f.refresh) != 1 {
			t.Errorf("KSeF got the requests %q, want one of them to end the old login", f.paths)
		}
	})
}
