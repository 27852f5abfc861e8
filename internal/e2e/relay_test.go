package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"ksefworker/internal/testbed"
)

// answer is a complete answer of the simulator.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// relay starts a server that stands between worker and simulator, and returns the server's address.
// serve decides when a request is forwarded and whether its answer goes back. forward fails, for
// example, when the worker did not send the whole request.
func relay(t *testing.T, to string, serve func(w http.ResponseWriter, r *http.Request, forward func() (*answer, error))) string {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	url, stop, err := testbed.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, func() (*answer, error) { return forward(client, to, r) })
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(); client.CloseIdleConnections() })
	return url
}

func forward(client *http.Client, to string, r *http.Request) (*answer, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read what the worker sends: %w", err)
	}
	out, err := http.NewRequest(r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	resp, err := client.Do(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, _ = io.ReadAll(resp.Body)
	return a, nil
}
