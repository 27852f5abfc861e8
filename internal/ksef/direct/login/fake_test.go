package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/xades"
)

const nip = "5265877635"

// fakeKSeF imitates the part of KSeF that serves logins. It needs no network, so its clock can be
// the test's. Each request must bring the right kind of token. The tokens of a login are given out
// once.
type fakeKSeF struct {
	ahead     time.Duration                    // how far its clock is ahead
	life      time.Duration                    // of access tokens
	polls     int                              // how often the status is 100 at first
	status    int                              // the status after that
	token     string                           // the KSeF token that it takes
	intercept func(path string, n int) *answer // if not nil, the answer to the n-th request of a path

	mu       sync.Mutex
	n        map[string]int
	paths    []string
	serial   int
	logins   map[string]*begun // by their token
	refresh  map[string]bool
	signed   string
	badToken string
}

type begun struct {
	polled   int
	redeemed bool
}

type answer struct {
	status int
	body   string
	err    error
	after  bool // KSeF does what it was asked for, and only its answer is replaced by this one

	retryAfter string
}

func (f *fakeKSeF) now() time.Time { return time.Now().Add(f.ahead) }

func (f *fakeKSeF) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2")
	if strings.HasPrefix(path, "/auth/2026") {
		path = "/auth/status"
	}
	if f.n == nil {
		f.n, f.logins, f.refresh = map[string]int{}, map[string]*begun{}, map[string]bool{}
	}
	f.n[path]++
	f.paths = append(f.paths, path)
	var other *answer
	if f.intercept != nil {
		other = f.intercept(path, f.n[path])
	}
	a := other
	if a == nil || a.after {
		got := f.serve(path, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), body)
		if a == nil {
			a = &got
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {a.retryAfter}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func problem(status, code int) *answer {
	return &answer{
		status: status,
		body:   fmt.Sprintf(`{"title":"x","status":%d,"detail":"y","errors":[{"code":%d,"description":"z"}]}`, status, code),
	}
}

func (f *fakeKSeF) jwt(kind string, life time.Duration) string {
	f.serial++
	return fmt.Sprintf(`{"token":"%s-%d","validUntil":"%s"}`, kind, f.serial, f.now().Add(life).UTC().Format(time.RFC3339Nano))
}

func (f *fakeKSeF) serve(path, bearer string, body []byte) answer {
	login := f.logins[bearer]
	switch path {
	case "/auth/challenge":
		return answer{
			status: 200,
			body:   fmt.Sprintf(`{"challenge":"20261125-CR-226FB7B000-3ACF9BE4C0-10","timestampMs":%d}`, f.now().UnixMilli()),
		}
	case "/security/public-key-certificates":
		return answer{status: 200, body: fmt.Sprintf(`[{"certificate":%q,"validFrom":%q,"validTo":%q,"usage":["KsefTokenEncryption"]}]`,
			base64.StdEncoding.EncodeToString(keyCertificate()), f.now().Add(-time.Minute).Format(time.RFC3339),
			f.now().Add(time.Hour).Format(time.RFC3339))}
	case "/auth/ksef-token", "/auth/xades-signature":
		if path == "/auth/ksef-token" {
			if code := f.checkToken(body); code != 0 {
				return *problem(400, code)
			}
		}
		f.signed = string(body)
		token := f.jwt("login", 45*time.Minute)
		var t struct{ Token string }
		_ = json.Unmarshal([]byte(token), &t)
		f.logins[t.Token] = &begun{}
		return answer{status: 202, body: fmt.Sprintf(`{"referenceNumber":"20261125-AU-1-2-%d","authenticationToken":%s}`, f.serial, token)}
	case "/auth/status":
		if login == nil {
			return *problem(401, 0)
		}
		code := 100
		if login.polled++; login.polled > f.polls {
			code = f.status
		}
		return answer{status: 200, body: fmt.Sprintf(`{"status":{"code":%d,"description":"opis","details":["szczegół"]}}`, code)}
	case "/auth/token/redeem":
		if login == nil || login.redeemed {
			return *problem(400, 21301)
		}
		login.redeemed = true
		refresh := f.jwt("refresh", 7*24*time.Hour)
		var t struct{ Token string }
		_ = json.Unmarshal([]byte(refresh), &t)
		f.refresh[t.Token] = true
		return answer{status: 200, body: fmt.Sprintf(`{"accessToken":%s,"refreshToken":%s}`, f.jwt("access", f.life), refresh)}
	case "/auth/token/refresh":
		if !f.refresh[bearer] {
			return *problem(401, 0)
		}
		return answer{status: 200, body: fmt.Sprintf(`{"accessToken":%s}`, f.jwt("access", f.life))}
	case "/auth/sessions/current":
		if !f.refresh[bearer] {
			return *problem(401, 0)
		}
		delete(f.refresh, bearer)
		return answer{status: 204}
	}
	return *problem(404, 0)
}

func (f *fakeKSeF) checkToken(body []byte) int {
	var in struct {
		EncryptedToken    []byte
		ContextIdentifier struct{ Type, Value string }
	}
	if json.Unmarshal(body, &in) != nil || in.ContextIdentifier.Type != "Nip" || in.ContextIdentifier.Value != nip {
		return 21405
	}
	plain, err := rsa.DecryptOAEP(sha256.New(), nil, tokenKey(), in.EncryptedToken, nil)
	if err != nil {
		return 21405
	}
	if string(plain) != fmt.Sprintf("%s|%d", f.token, f.now().UnixMilli()) {
		f.badToken = string(plain)
		return 21405
	}
	return 0
}

// count returns how many requests of a path there were.
func (f *fakeKSeF) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n[path]
}

var tokenKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

var keyCertificate = sync.OnceValue(func() []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &tokenKey().PublicKey, tokenKey())
	if err != nil {
		panic(err)
	}
	return der
})

var testSigner = sync.OnceValue(func() *xades.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		Subject: pkix.Name{
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "VATPL-" + nip}}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	signer, err := xades.NewSigner(cert, key)
	if err != nil {
		panic(err)
	}
	return signer
})

// session makes a session at a fake KSeF. change may be nil.
func session(t *testing.T, f *fakeKSeF, change func(*Options)) *Session {
	t.Helper()
	if f.status == 0 {
		f.status = 200
	}
	if f.life == 0 {
		f.life = 15 * time.Minute
	}
	api, err := direct.New(direct.Options{BaseURL: "https://ksef.example/v2", Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Auth: api.Auth(), NIP: nip, Credential: func() (Proof, error) { return Certificate{testSigner()}, nil }}
	if change != nil {
		change(&o)
	}
	return New(o)
}

func signingTime(t *testing.T, signed string) time.Time {
	t.Helper()
	m := regexp.MustCompile(`<xades:SigningTime>([^<]*)<`).FindStringSubmatch(signed)
	if m == nil {
		t.Fatalf("the signed request has no signing time: %s", signed)
	}
	at, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		t.Fatal(err)
	}
	return at
}
