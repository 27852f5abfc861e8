package ministry

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/fa/fatest"
	"ksefworker/internal/simulator/xades/xadestest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	nipA  = fatest.SellerA
	nipB  = fatest.SellerB
	today = fatest.Today
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is the second face behind a real server, and a client that shares no code with the worker's.
type rig struct {
	t     testing.TB
	sim   *simulator.Simulator
	face  *Ministry
	url   string
	clock *clock
	http  *http.Client
	// access is the bearer token of the requests, "" for none; header is added to them.
	access string
	header http.Header
	// contract checks every answer; nil when it is not at hand.
	contract *contract
}

func newRig(t testing.TB, o Options, change ...func(*simulator.Options)) *rig {
	t.Helper()
	c := &clock{t: noon}
	so := simulator.Options{Profile: simulator.Unlimited, Now: c.now, Seed: 7, KeyBits: 1024, Dir: t.TempDir()}
	for _, f := range change {
		f(&so)
	}
	sim, err := simulator.New(so)
	if err != nil {
		t.Fatal(err)
	}
	face, err := New(sim, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(face)
	r := &rig{t: t, sim: sim, face: face, url: server.URL, clock: c, http: &http.Client{Transport: &http.Transport{}}, header: http.Header{}}
	if o.Novelty == 0 {
		r.contract = readContract(t)
	}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// with returns the same rig with another bearer token.
func (r *rig) with(access string) *rig {
	other := *r
	other.access = access
	return &other
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the connection
}

// code reads the first code of an answer in either form.
func (a answer) code() int {
	var e struct {
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
		Exception struct {
			List []struct {
				Code int `json:"exceptionCode"`
			} `json:"exceptionDetailList"`
		} `json:"exception"`
	}
	_ = json.Unmarshal(a.body, &e)
	switch {
	case len(e.Errors) > 0:
		return e.Errors[0].Code
	case len(e.Exception.List) > 0:
		return e.Exception.List[0].Code
	}
	return 0
}

func (r *rig) do(method, path, contentType string, body []byte) answer {
	r.t.Helper()
	address := path
	if !strings.HasPrefix(path, "http") {
		address = r.url + path
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if r.access != "" {
		req.Header.Set("Authorization", "Bearer "+r.access)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if r.contract != nil && err == nil {
		r.contract.check(r.t, req, resp, read)
	}
	return answer{resp.StatusCode, resp.Header, read, err}
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, "/v2"+path, "", nil)
}

func (r *rig) post(path string, body any) answer {
	r.t.Helper()
	if body == nil {
		return r.do(http.MethodPost, "/v2"+path, "", nil)
	}
	raw, isRaw := body.([]byte)
	if !isRaw {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			r.t.Fatal(err)
		}
	}
	return r.do(http.MethodPost, "/v2"+path, jsonType, raw)
}

// ok fails the test unless the answer has this status, and decodes it unless into is nil.
func (r *rig) ok(a answer, status int, into any) {
	r.t.Helper()
	if a.err != nil || a.status != status {
		r.t.Fatalf("answer %d %s %v, want %d", a.status, a.body, a.err, status)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		r.t.Fatalf("read %s: %v", a.body, err)
	}
}

// m is a JSON object.
type m = map[string]any

type tokens struct {
	Access  tokenInfo `json:"accessToken"`
	Refresh tokenInfo `json:"refreshToken"`
}

type begunLogin struct {
	Reference string    `json:"referenceNumber"`
	Token     tokenInfo `json:"authenticationToken"`
}

func (r *rig) challengeText() (reference string, millis int64) {
	r.t.Helper()
	var c struct {
		Challenge string `json:"challenge"`
		Millis    int64  `json:"timestampMs"`
	}
	r.ok(r.post("/auth/challenge", nil), http.StatusOK, &c)
	return c.Challenge, c.Millis
}

// sign begins a login with a signed request.
func (r *rig) sign(s xadestest.Signer, nip string, o xadestest.Options) answer {
	r.t.Helper()
	challenge, _ := r.challengeText()
	o.At = r.clock.now()
	document := s.Sign(r.t, xadestest.Request(challenge, "Nip", nip, "certificateSubject"), o)
	return r.do(http.MethodPost, "/v2/auth/xades-signature?verifyCertificateChain=false", xmlType, document)
}

// sendToken begins a login with an encrypted token.
func (r *rig) sendToken(nip, secret string, millis int64, challenge string) answer {
	r.t.Helper()
	key, id := r.key("KsefTokenEncryption")
	encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, fmt.Appendf(nil, "%s|%d", secret, millis), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.post("/auth/ksef-token", m{
		"challenge": challenge, "contextIdentifier": m{"type": "Nip", "value": nip}, "encryptedToken": encrypted, "publicKeyId": id,
	})
}

// key returns the public key of a usage with its id.
func (r *rig) key(usage string) (*rsa.PublicKey, string) {
	r.t.Helper()
	var all []publicKey
	var certificate []byte
	r.ok(r.get("/security/public-key-certificates"), http.StatusOK, &all)
	for _, k := range all {
		if k.Usage[0] != usage {
			continue
		}
		if err := json.Unmarshal([]byte(`"`+k.Certificate+`"`), &certificate); err != nil {
			r.t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(certificate)
		if err != nil {
			r.t.Fatal(err)
		}
		sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
		if base64Of(sum[:]) != k.KeyID {
			r.t.Errorf("publicKeyId of %s is not the hash of its key", usage)
		}
		return parsed.PublicKey.(*rsa.PublicKey), k.KeyID
	}
	r.t.Fatalf("no key for %s", usage)
	return nil, ""
}

// state is the status of a login.
func (r *rig) state(b begunLogin) (code int, details string) {
	r.t.Helper()
	var s struct {
		Status statusInfo `json:"status"`
	}
	r.ok(r.with(b.Token.Token).get("/auth/"+b.Reference), http.StatusOK, &s)
	return s.Status.Code, strings.Join(s.Status.Details, " ")
}

// redeemed returns the tokens of a login that has begun with this answer.
func (r *rig) redeemed(a answer) tokens {
	r.t.Helper()
	var b begunLogin
	r.ok(a, http.StatusAccepted, &b)
	var got tokens
	r.ok(r.with(b.Token.Token).post("/auth/token/redeem", nil), http.StatusOK, &got)
	return got
}

// loggedIn returns the rig with an access token of a self-signed seal.
func (r *rig) loggedIn(nip string) *rig {
	r.t.Helper()
	s := xadestest.Seal(r.t, nip, r.clock.now().Add(-time.Hour))
	return r.with(r.redeemed(r.sign(s, nip, xadestest.Options{})).Access.Token)
}

// secret is a session's key as a client makes it.
type secret struct {
	key, iv, wrapped []byte
	id               string
}

func (r *rig) secret() secret {
	r.t.Helper()
	public, id := r.key("SymmetricKeyEncryption")
	s := secret{key: make([]byte, 32), iv: make([]byte, 16), id: id}
	_, _ = rand.Read(s.key)
	_, _ = rand.Read(s.iv)
	var err error
	if s.wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, s.key, nil); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (s secret) info() m {
	return m{"encryptedSymmetricKey": s.wrapped, "initializationVector": s.iv, "publicKeyId": s.id}
}

func (s secret) seal(plain []byte) []byte {
	n := 16 - len(plain)%16
	padded := append(append([]byte{}, plain...), bytes.Repeat([]byte{byte(n)}, n)...)
	block, err := aes.NewCipher(s.key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(padded, padded)
	return padded
}

func formFA3() m { return m{"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"} }

// hashOf is the SHA-256.
func hashOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// openOnline opens an online session.
func (r *rig) openOnline() (string, secret) {
	r.t.Helper()
	s := r.secret()
	var opened struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/sessions/online", m{"formCode": formFA3(), "encryption": s.info()}), http.StatusCreated, &opened)
	return opened.Reference, s
}

// invoiceBody is the body of a send.
func (s secret) invoiceBody(document string) m {
	sealed := s.seal([]byte(document))
	return m{
		"invoiceHash": hashOf([]byte(document)), "invoiceSize": len(document), "encryptedInvoiceHash": hashOf(sealed),
		"encryptedInvoiceSize": len(sealed), "encryptedInvoiceContent": sealed,
	}
}

func (r *rig) send(session string, s secret, document string) string {
	r.t.Helper()
	var sent struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(document)), http.StatusAccepted, &sent)
	return sent.Reference
}

type sessionState struct {
	Status statusInfo `json:"status"`
	UPO    *struct {
		Pages []struct {
			Reference string `json:"referenceNumber"`
			URL       string `json:"downloadUrl"`
		} `json:"pages"`
	} `json:"upo"`
	Count   *int `json:"invoiceCount"`
	Success *int `json:"successfulInvoiceCount"`
	Failed  *int `json:"failedInvoiceCount"`
}

func (r *rig) sessionState(id string) sessionState {
	r.t.Helper()
	var s sessionState
	r.ok(r.get("/sessions/"+id), http.StatusOK, &s)
	return s
}

// await polls until the session's status is final.
func (r *rig) await(id string) sessionState {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if s := r.sessionState(id); s.Status.Code >= 200 {
			return s
		}
		<-time.After(time.Millisecond)
	}
	r.t.Fatalf("session %s never ends", id)
	return sessionState{}
}

type page struct {
	Next     string         `json:"continuationToken"`
	Invoices []invoiceEntry `json:"invoices"`
}

func (r *rig) page(path, token string) page {
	r.t.Helper()
	other := r.with(r.access)
	other.header = r.header.Clone()
	if token != "" {
		other.header.Set("x-continuation-token", token)
	}
	var p page
	r.ok(other.get(path), http.StatusOK, &p)
	return p
}
