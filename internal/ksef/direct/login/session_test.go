package login

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var background = context.Background()

func access(t *testing.T, s *Session) string {
	t.Helper()
	token, err := s.Access(background)
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func failed(t *testing.T, s *Session) *ksef.APIError {
	t.Helper()
	token, err := s.Access(background)
	e, ok := err.(*ksef.APIError)
	if !ok {
		t.Fatalf("Access gave the token %v and an error of type %T: %v; want an *APIError", token, err, err)
	}
	return e
}

func TestAccess_ManyCallersAtOnce_OneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{polls: 3}
		s := session(t, f, nil)
		var all sync.WaitGroup
		got := make([]string, 50)
		for i := range got {
			all.Go(func() { got[i] = access(t, s) })
		}
		all.Wait()
		for _, token := range got {
			if token != got[0] || !strings.HasPrefix(token, "access-") {
				t.Fatalf("the callers got the tokens %q, want the same access token for all", got)
			}
		}
		want := []string{"/auth/challenge", "/auth/xades-signature", "/auth/status", "/auth/status", "/auth/status", "/auth/status",
			"/auth/token/redeem"}
		if !reflect.DeepEqual(f.paths, want) {
			t.Errorf("KSeF got the requests %q, want those of one login", f.paths)
		}
	})
}

func TestAccess_TokenNearItsEnd_IsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{}
		s := session(t, f, nil)
		first := access(t, s)
		time.Sleep(13 * time.Minute)
		if again := access(t, s); again != first {
			t.Errorf("13 minutes after the login Access gave %s, want still the first token", again)
		}
		time.Sleep(time.Minute + time.Second)
		if second := access(t, s); second == first || f.count("/auth/token/refresh") != 1 || f.count("/auth/challenge") != 1 {
			t.Errorf("14 minutes after the login Access gave %s, at first %s, requests %q; want another token by one refresh",
				second, first, f.paths)
		}
	})
}

func TestAccess_RefreshFails_AFullLoginFollows(t *testing.T) {
	for why, a := range map[string]*answer{
		"500": problem(500, 500), "400": problem(400, 21304), "401": problem(401, 0), "lost": {err: io.ErrUnexpectedEOF},
		"a page": {status: 200, body: "<html>"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeKSeF{intercept: func(path string, _ int) *answer {
				if path == "/auth/token/refresh" {
					return a
				}
				return nil
			}}
			s := session(t, f, nil)
			first := access(t, s)
			time.Sleep(15 * time.Minute)
			if second := access(t, s); second == first || f.count("/auth/challenge") != 2 {
				t.Errorf("after the refresh failed with %s, Access gave %s, requests %q; want another token by a second login",
					why, second, f.paths)
			}
		})
	}
}

// An access token serves to its end when it cannot be renewed before.
func TestAccess_OutageBeforeTheEnd_TheTokenServesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		f := &fakeKSeF{intercept: func(string, int) *answer {
			if down {
				return problem(503, 0)
			}
			return nil
		}}
		s := session(t, f, nil)
		first := access(t, s)
		down = true
		time.Sleep(14*time.Minute + time.Second)
		for range 50 {
			if got := access(t, s); got != first {
				t.Fatalf("in an outage Access gives %s, want still the first token", got)
			}
		}
		if n := len(f.paths); n > 8 {
			t.Errorf("KSeF got %d requests before and in one moment of an outage, want at most 8", n)
		}
		time.Sleep(time.Minute)
		if e := failed(t, s); e.Kind != ksef.KindOutage {
			t.Errorf("after the token's end the error is %v, want KindOutage", e)
		}
	})
}

func TestAccess_LoginRefused_ErrorSaysWhyAndNoLoginFollowsAtOnce(t *testing.T) {
	for status, words := range map[int]string{
		415: "InvoiceWrite and InvoiceRead", 425: "revoked", 450: "token_file", 460: "of this environment",
		470: "deceased", 480: "contact the Ministry",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeKSeF{status: status}
			s := session(t, f, nil)
			for range 10 {
				e := failed(t, s)
				if e.Kind != ksef.KindUnauthorized || e.MaybeDone || e.Code != status || e.Status != 200 ||
					!strings.Contains(e.Error(), words) ||
					!strings.Contains(e.Error(), "opis") {
					t.Fatalf("a login that ended with status %d gave %v, want KindUnauthorized with KSeF's words and our explanation",
						status, e)
				}
			}
			if n := f.count("/auth/challenge"); n != 1 {
				t.Errorf("after a login that ended with status %d, ten calls made %d logins, want 1", status, n)
			}
			f.status = 200 // somebody has corrected the cause
			time.Sleep(refusedPause)
			access(t, s)
		})
	}
}

func TestAccess_DocumentRefused_CountsAsRefusedCredentials(t *testing.T) {
	for code, want := range map[int]ksef.ErrorKind{
		9105: ksef.KindUnauthorized, 21115: ksef.KindUnauthorized, 21117: ksef.KindUnauthorized, 99999: ksef.KindUnauthorized,
		21111: ksef.KindOutage, 21470: ksef.KindOutage,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := session(t, &fakeKSeF{intercept: func(path string, _ int) *answer {
				if path == "/auth/xades-signature" {
					return problem(400, code)
				}
				return nil
			}}, nil)
			if e := failed(t, s); e.Kind != want || e.MaybeDone || (want == ksef.KindUnauthorized) != (e.Advice != "") {
				t.Errorf("a request refused with code %d gave %+v, want kind %s, MaybeDone false and advice: %v",
					code, *e, want, want == ksef.KindUnauthorized)
			}
		})
	}
}

func TestAccess_LoginFailsByChance_IsAnOutageWithGrowingPauses(t *testing.T) {
	for _, status := range []int{500, 550, 777} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeKSeF{status: status}
			s := session(t, f, nil)
			begun := time.Now()
			for time.Since(begun) < 10*time.Minute {
				if e := failed(t, s); e.Kind != ksef.KindOutage || e.MaybeDone {
					t.Fatalf("a login that ended with status %d gave %v, want KindOutage", status, e)
				}
				time.Sleep(time.Second)
			}
			if n := f.count("/auth/challenge"); n < 10 || n > 20 {
				t.Errorf("a login that ended with status %d was tried %d times in ten minutes, want 10 to 20", status, n)
			}
		})
	}
}

// A proxy may ask for a pause of a year with its 503. If that pause were kept, only a restart could
// end it.
func TestAccess_OutageAsksForAYear_IsTriedAgainAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sick := true
		f := &fakeKSeF{intercept: func(path string, _ int) *answer {
			if sick && path == "/auth/challenge" {
				return &answer{status: 503, body: "<html>", retryAfter: "31536000"}
			}
			return nil
		}}
		s := session(t, f, nil)
		failed(t, s)
		sick = false
		time.Sleep(maxPause)
		access(t, s)
	})
}

func TestAccess_LoginStuck_IsGivenUpAfterTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{polls: 1 << 30}
		s := session(t, f, nil)
		begun := time.Now()
		e := failed(t, s)
		if took := time.Since(begun); e.Kind != ksef.KindOutage || !errors.Is(e, errSlow) || e.MaybeDone || took < DefaultTimeout ||
			took > DefaultTimeout+10*time.Second {
			t.Errorf("after %v a login that never ends gave %v, want KindOutage after the timeout", took, e)
		}
		if n := f.count("/auth/status"); n > 60 {
			t.Errorf("the login's status was asked %d times, want 60 or fewer", n)
		}
	})
}

func TestAccess_RedeemLost_OneMoreLoginAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{intercept: func(path string, n int) *answer {
			if path == "/auth/token/redeem" && n == 1 {
				return &answer{err: io.ErrUnexpectedEOF, after: true}
			}
			return nil
		}}
		s := session(t, f, nil)
		access(t, s)
		if f.count("/auth/challenge") != 2 || f.count("/auth/token/redeem") != 2 {
			t.Errorf("after one lost answer to redeem KSeF got the requests %q, want a second full login", f.paths)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{intercept: func(path string, _ int) *answer {
			if path == "/auth/token/redeem" {
				return &answer{err: io.ErrUnexpectedEOF, after: true}
			}
			return nil
		}}
		if e := failed(t, session(t, f, nil)); e.Kind != ksef.KindNetwork || f.count("/auth/challenge") != 2 {
			t.Errorf("after two lost answers to redeem Access gave %v, requests %q; want KindNetwork and no third login", e, f.paths)
		}
	})
}

func TestAccess_FirstCallerGivesUp_TheOthersGetTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{polls: 5}
		s := session(t, f, nil)
		first, cancel := context.WithCancel(background)
		gone := make(chan error)
		go func() {
			_, err := s.Access(first)
			gone <- err
		}()
		synctest.Wait()
		got := make(chan string)
		go func() { got <- access(t, s) }()
		synctest.Wait()
		cancel()
		if e, ok := (<-gone).(*ksef.APIError); !ok || e.Kind != ksef.KindCanceled {
			t.Errorf("the caller that gave up gets the error %v, want KindCanceled", e)
		}
		if token := <-got; token == "" || f.count("/auth/challenge") != 1 {
			t.Errorf("the second caller got the token %q, requests %q; want the token of the login that the first caller began",
				token, f.paths)
		}
	})
}

func TestRefused_TokenFromARefresh_AFullLoginFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeKSeF{}
		s := session(t, f, nil)
		first := access(t, s)
		s.Refused(direct.NewSecret("another"))
		if access(t, s) != first {
			t.Error("after the refusal of an older token, Access gave a new token, want the present one")
		}
		s.Refused(direct.NewSecret(first))
		second := access(t, s)
		if f.count("/auth/token/refresh") != 1 || f.count("/auth/challenge") != 1 {
			t.Errorf("after the first token was refused KSeF got the requests %q, want one refresh and no second login", f.paths)
		}
		s.Refused(direct.NewSecret(second))
		access(t, s)
		if f.count("/auth/challenge") != 2 {
			t.Errorf("after the refreshed token was refused too KSeF got the requests %q, want a second login", f.paths)
		}
	})
}

func TestAccess_KSeFsClockDiffers_NeitherSignatureNorTokenSuffers(t *testing.T) {
	for _, ahead := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeKSeF{ahead: ahead}
			s := session(t, f, nil)
			first := access(t, s)
			if d := f.now().Sub(signingTime(t, f.signed)); d < 0 || d > time.Second {
				t.Errorf("the request was signed with a time %v before KSeF's clock, want 0 to 1 second", d)
			}
			time.Sleep(12 * time.Minute)
			if access(t, s) != first {
				t.Errorf("with KSeF's clock ahead by %v the token was renewed within 12 minutes, want it kept", ahead)
			}
			time.Sleep(2*time.Minute + time.Second)
			if access(t, s) == first {
				t.Errorf("with KSeF's clock ahead by %v the token was not renewed after 14 minutes", ahead)
			}
			time.Sleep(12 * time.Minute)
			if n := f.count("/auth/token/refresh"); n != 1 {
				t.Errorf("after 26 minutes KSeF got %d requests for a refresh, want 1", n)
			}
		})
	}
}

func TestAccess_ByToken_IsEncryptedWithTheChallengesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const token = "20261125-AA-1|nip-5265877635|00ff"
		f := &fakeKSeF{token: token, ahead: time.Hour}
		s := session(t, f, func(o *Options) {
			o.Credential = func() (Proof, error) { return Token{direct.NewSecret(token)}, nil }
		})
		access(t, s)
		f.token = "another"
		s.Refused(direct.NewSecret(access(t, s)))
		s.Refused(direct.NewSecret(access(t, s)))
		if e := failed(t, s); e.Kind != ksef.KindUnauthorized || strings.Contains(e.Error(), "00ff") {
			t.Errorf("the error is %v, want KindUnauthorized without the token's secret part", e)
		}
	})
}

func TestAccess_FileCannotBeRead_CostsNoRequestAndIsTriedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fault error = errors.New("no such file")
		f := &fakeKSeF{}
		s := session(t, f, func(o *Options) {
			o.Credential = func() (Proof, error) { return Certificate{testSigner()}, fault }
		})
		if e := failed(t, s); e.Kind != ksef.KindLocal || !errors.Is(e, fault) || len(f.paths) != 0 {
			t.Errorf("Access gave %v, requests %q; want KindLocal with the cause and no request", e, f.paths)
		}
		fault = nil
		access(t, s)
	})
}
