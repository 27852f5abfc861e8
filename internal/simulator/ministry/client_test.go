package ministry

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/fa/fatest"
	"ksefworker/internal/simulator/keytest"
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

// rig is the simulated API of the Ministry behind a real server, and a client of it. This client
// shares no code with the client of the worker.
type rig struct {
	t     testing.TB
	sim   *simulator.Simulator
	face  *Ministry
	url   string
	clock *clock
	http  *http.Client
	// access is the bearer token of the requests, "" for none. header has further header fields
	// that each request gets.
	access string
	header http.Header
	// contract checks every answer. It is nil when the contract is not available.
	contract *contract
}

func newRig(t testing.TB, o Options, change ...func(*simulator.Options)) *rig {
	t.Helper()
	c := &clock{t: noon}
	so := simulator.Options{Profile: simulator.Unlimited, Now: c.now, Seed: 7, KeyBits: 1024, NewKey: keytest.Sequence(),
		Dir: t.TempDir()}
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
	r := &rig{
		t: t, sim: sim, face: face, url: server.URL, clock: c, http: &http.Client{Transport: &http.Transport{}},
		header: http.Header{},
	}
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

// with returns a copy of the rig with another bearer token.
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

// code reads the first code of an error in either form.
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

// ok fails the test if the answer has another status. If into is set, it gets the decoded answer.
func (r *rig) ok(a answer, status int, into any) {
	r.t.Helper()
	if a.err != nil || a.status != status {
		r.t.Fatalf("the answer is HTTP %d %s (error %v), want %d", a.status, a.body, a.err, status)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		r.t.Fatalf("cannot read the answer %s: %v", a.body, err)
	}
}

// m is a JSON object.
type m = map[string]any
