package simulator

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/simulator/keytest"
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

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func (c *clock) add(d time.Duration) { c.set(c.now().Add(d)) }

// rig is a simulator behind a real server, and a client that shares no code with the client of the
// worker.
type rig struct {
	t     testing.TB
	sim   *Simulator
	url   string
	clock *clock
	http  *http.Client
	id    string
	key   string
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	c := &clock{t: noon}
	o := Options{Profile: Unlimited, Now: c.now, Seed: 7, KeyBits: 1024, NewKey: keytest.Sequence(), Dir: t.TempDir()}
	for _, f := range change {
		f(&o)
	}
	sim, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	r := &rig{t: t, sim: sim, url: server.URL, clock: c, http: &http.Client{Transport: &http.Transport{}}, id: "test_id", key: "test_key"}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// as returns the same rig with another account.
func (r *rig) as(id string) *rig {
	other := *r
	other.id = id
	return &other
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the connection
}

// apiError reads the error object of an answer.
func (a answer) apiError() (code int, details string) {
	var e struct {
		Error struct {
			Code        int     `json:"code"`
			Description string  `json:"description"`
			Details     *string `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(a.body, &e)
	if e.Error.Details != nil {
		details = *e.Error.Details
	}
	return e.Error.Code, details
}

func (r *rig) do(req *http.Request) answer {
	resp, err := r.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: body, err: err}
}

func (r *rig) request(method, path string, body []byte) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth(r.id, r.key)
	return req
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.do(r.request(http.MethodGet, path, nil))
}

func (r *rig) post(path string, body any) answer {
	r.t.Helper()
	raw, isRaw := body.([]byte)
	if !isRaw {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			r.t.Fatal(err)
		}
	}
	req := r.request(http.MethodPost, path, raw)
	req.Header.Set("Content-Type", "application/json")
	return r.do(req)
}

// ok decodes an answer, and fails the test unless its status is 200.
func (r *rig) ok(a answer, into any) {
	r.t.Helper()
	if a.err != nil || a.status != http.StatusOK {
		r.t.Fatalf("the answer is %d %s (error %v), want 200", a.status, a.body, a.err)
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

// secret is a session's key as a client makes it.
type secret struct{ key, iv, wrapped []byte }

func (r *rig) secret() secret {
	r.t.Helper()
	var k struct {
		Algorithm string `json:"algorithm"`
		PublicKey []byte `json:"publicKey"`
	}
	r.ok(r.get("/invoice/public/key"), &k)
	parsed, err := x509.ParsePKIXPublicKey(k.PublicKey)
	if err != nil || k.Algorithm != "RSA" {
		r.t.Fatalf("the public key has the algorithm %s, error %v, want an RSA key", k.Algorithm, err)
	}
	s := secret{key: make([]byte, 32), iv: make([]byte, 16)}
	_, _ = rand.Read(s.key)
	_, _ = rand.Read(s.iv)
	if s.wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, parsed.(*rsa.PublicKey), s.key, nil); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (s secret) info() m { return m{"initVector": s.iv, "encryptedKey": s.wrapped} }

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

// sendBatch sends a package, waits for its end and returns the session's final status.
func (r *rig) sendBatch(documents ...string) (id string, end statusInfo) {
	r.t.Helper()
	b := r.pack(zipOf(r.t, documents...), 1).begin().uploadAll().close()
	return b.id, r.await(b.id)
}

type sessionInfo struct {
	Status  statusInfo `json:"status"`
	Batch   *bool      `json:"batch"`
	Count   *int       `json:"invoiceCount"`
	Success *int       `json:"successfulInvoiceCount"`
	Failed  *int       `json:"failedInvoiceCount"`
}

func (r *rig) status(id string) sessionInfo {
	r.t.Helper()
	var s struct {
		Info sessionInfo `json:"sessionInfo"`
	}
	r.ok(r.get("/invoice/session/status/"+id), &s)
	return s.Info
}

// await polls until the session's status is final.
func (r *rig) await(id string) statusInfo {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if s := r.status(id).Status; s.Code >= 200 {
			return s
		}
		<-time.After(time.Millisecond)
	}
	r.t.Fatalf("session %s is still processing after 20 seconds", id)
	return statusInfo{}
}

func (r *rig) invoices(id string) []invoiceInfo {
	r.t.Helper()
	var l struct {
		Invoices []invoiceInfo `json:"invoices"`
	}
	r.ok(r.get("/invoice/session/invoices/"+id), &l)
	return l.Invoices
}

// contains fails the test unless text contains part.
func contains(t testing.TB, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q lacks %q", text, part)
	}
}
