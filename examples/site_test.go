package examples

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
)

var built struct {
	once sync.Once
	dir  string
	err  error
}

// bin builds the programs once for all tests and returns their folder.
func bin(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "ksefworker-examples-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", built.dir+"/", "ksefworker/cmd/worker", "ksefworker/cmd/enqueue",
			"ksefworker/cmd/simulator")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// safeBuffer is what a process that runs beside the test has written.
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

// process starts a program that ends with the test.
func process(t testing.TB, env []string, name string, args ...string) *safeBuffer {
	t.Helper()
	out := &safeBuffer{}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text := out.String()
			t.Logf("%s %s:\n%s", filepath.Base(name), args, text[max(0, len(text)-3000):])
		}
	})
	return out
}

// found waits until the output of a process has a match of the pattern. It returns the first group
// of the match.
func found(t testing.TB, out *safeBuffer, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var m []string
	until(t, pattern, func() bool { m = re.FindStringSubmatch(out.String()); return m != nil })
	return m[1]
}

func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(90 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("within 90 seconds this did not happen: %s", what)
		}
	}
}

// site is a worker and an HTTP intake, as processes, with the simulator in place of KSeF.
type site struct {
	t            *testing.T
	dir, config  string
	url, keyFile string
	bed          *testbed.Bed
	key          string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), key: strings.Repeat("example-key-", 3)}
	s.config, s.keyFile = filepath.Join(s.dir, "worker.yaml"), filepath.Join(s.dir, "erp-key")
	s.bed = bedtest.Start(t, testbed.Options{Dir: s.dir, Redis: redisd.Options{AppendOnly: true}})
	if err := os.WriteFile(s.keyFile, []byte(s.key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := s.bed.Config(1)
	c.Intake.HTTP.Addr = "127.0.0.1:0"
	c.Intake.Clients = []config.IntakeClient{{Name: "erp", KeyFile: s.keyFile, Tenants: []string{sample.NIP(0)}}}
	if err := testbed.WriteConfig(s.config, c); err != nil {
		t.Fatal(err)
	}
	process(t, nil, filepath.Join(bin(t), "worker"), "--config", s.config)
	serve := process(t, nil, filepath.Join(bin(t), "enqueue"), "serve", "--config", s.config)
	s.url = found(t, serve, `"address":"(http://[^"]+)"`)
	return s
}
