package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// site is a folder with a configuration, and a Redis, for the commands that run as services.
type site struct {
	t      *testing.T
	redis  *redisd.Server
	dir    string
	intake string // lines of the section intake
	// listener is text that follows the address in the section intake.http, such as its TLS
	// settings.
	listener string
}

func newSite(t *testing.T) *site {
	return &site{t: t, redis: redistest.StartWith(t, redisd.Options{AppendOnly: true}), dir: t.TempDir()}
}

// write writes a file and returns its path.
func (s *site) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// config writes a configuration with two tenants and returns its path.
func (s *site) config() string {
	key := s.write("key", "no-secret")
	return s.write("worker.yaml", fmt.Sprintf(`environment: custom
gateway: {url: "http://127.0.0.1:1"}
redis: {url: %q}
tenants:
  - {nip: %q, key_id: test_id, key_file: %q}
  - {nip: %q, key_id: test_id, key_file: %q}
archive: {url: "file://%s"}
http: {addr: ""}
intake:
  http: {addr: "127.0.0.1:0"%s}
  %s
`, s.redis.URL(), sample.NIP(0), key, sample.NIP(1), key, filepath.Join(s.dir, "archive"), s.listener, s.intake))
}

// service is a command that runs beside the test.
type service struct {
	t      *testing.T
	stderr safeBuffer
	stop   context.CancelFunc
	ended  chan error
}

// start runs a command with the configuration of the site, until end is called or the test is over.
func (s *site) start(args ...string) *service {
	ctx, stop := context.WithCancel(s.t.Context())
	v := &service{t: s.t, stop: stop, ended: make(chan error, 1)}
	p := newProgram(&core{in: strings.NewReader(""), out: newScreen(io.Discard), err: newScreen(io.Discard), stderr: &v.stderr})
	args = append([]string{"--config", s.config()}, args...)
	go func() {
		err := p.run(ctx, args)
		p.close()
		v.ended <- err
	}()
	s.t.Cleanup(stop)
	return v
}

// end stops the service, which must end without an error.
func (v *service) end() {
	v.t.Helper()
	v.stop()
	if err := <-v.ended; err != nil {
		v.t.Errorf("the service ended with %v, want no error", err)
	}
}

// address returns where a server listens.
func (v *service) address() string {
	v.t.Helper()
	said := regexp.MustCompile(`"address":"(https?://[^"]+)"`)
	v.until("the server listens", func() bool { return said.MatchString(v.stderr.String()) })
	return said.FindStringSubmatch(v.stderr.String())[1]
}

// logs waits until the log has a text.
func (v *service) logs(text string) {
	v.t.Helper()
	v.until("the log has "+text, func() bool { return strings.Contains(v.stderr.String(), text) })
}

// until waits until so returns true. The service must run meanwhile.
func (v *service) until(what string, so func() bool) {
	v.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); {
		select {
		case err := <-v.ended:
			v.t.Fatalf("the service ended too early, with %v; the log is %s", err, v.stderr.String())
		case <-time.After(5 * time.Millisecond):
			if time.Now().After(deadline) {
				v.t.Fatalf("within 20 seconds this did not happen: %s; the log is %s", what, v.stderr.String())
			}
		}
	}
}

// safeBuffer is the standard error of a program that runs beside the test.
type safeBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
