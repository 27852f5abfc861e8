package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// answer is what the simulator said, whole.
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

// relay stands between worker and simulator. serve decides when a request goes on, and whether its answer does; forward fails when the worker did not send all of it.
func relay(t *testing.T, to string, serve func(w http.ResponseWriter, r *http.Request, forward func() (*answer, error))) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, func() (*answer, error) {
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
		})
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); client.CloseIdleConnections() })
	return "http://" + l.Addr().String()
}
