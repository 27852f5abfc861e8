package e2e_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

var programs struct {
	once sync.Once
	dir  string
	err  error
}

// program builds worker and enqueue once for all tests and returns the path of one.
func program(t *testing.T, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "ksefworker-e2e-"); programs.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", programs.dir+"/", "ksefworker/cmd/worker", "ksefworker/cmd/enqueue").CombinedOutput()
		if err != nil {
			programs.err = fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

func TestPrograms_TellTheirVersion(t *testing.T) {
	for _, name := range []string{"worker", "enqueue"} {
		out, err := exec.Command(program(t, name), "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), name+" ") || !strings.Contains(string(out), "go1.") {
			t.Errorf("%s --version: %q, %v", name, out, err)
		}
	}
}

// site is one machine: Redis, simulator, configuration, archive.
type site struct {
	t      *testing.T
	redis  *redisd.Server
	rdb    *redis.Client
	ledger *ledger.Ledger
	sim    *simulator.Simulator
	simURL string
	dir    string
	config string
}

// knobs of the configuration that tests differ in.
type knobs struct {
	tenants  int
	maxWait  time.Duration
	quiet    time.Duration // 0 is short
	gateway  string        // "" is the simulator itself
	redisURL string        // "" is the server itself
	express  string        // "" closes idle sessions soon
	confirm  string        // "" asks often
	packages string        // "" is as usual
	sweep    string        // "" looks often
	archive  string        // "" is a folder
	more     string
}

func newSite(t *testing.T, o simulator.Options) *site {
	t.Helper()
	s := &site{t: t, redis: redistest.StartWith(t, redisd.Options{AppendOnly: true}), dir: t.TempDir()}
	s.rdb = redistest.Client(t, s.redis)
	s.ledger = ledger.New(s.rdb, ledger.Options{})
	o.Dir = filepath.Join(s.dir, "simulator")
	var err error
	if s.sim, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.sim.Handler())
	t.Cleanup(func() { _ = s.sim.Close(); srv.Close() })
	s.simURL = srv.URL
	return s
}

func (s *site) configure(k knobs) {
	s.t.Helper()
	if k.gateway == "" {
		k.gateway = s.simURL
	}
	if k.redisURL == "" {
		k.redisURL = s.redis.URL()
	}
	if k.express == "" {
		k.express = "{idle: 1s}"
	}
	if k.confirm == "" {
		k.confirm = "{first: 200ms, max: 2s}"
	}
	if k.archive == "" {
		k.archive = fmt.Sprintf(`{url: "file://%s"}`, s.archive())
	}
	if k.packages == "" {
		k.packages = "max_invoices: 5000, express_below: 5"
	}
	if k.sweep == "" {
		k.sweep = "{every: 1s, after: 2s}"
	}
	if k.quiet == 0 {
		k.quiet = 300 * time.Millisecond
	}
	key := filepath.Join(s.dir, "key")
	var tenants strings.Builder
	for i := range k.tenants {
		fmt.Fprintf(&tenants, "  - {nip: %q, key_id: test_%s, key_file: %s}\n", sample.NIP(i), sample.NIP(i), key)
	}
	s.config = filepath.Join(s.dir, "worker.yaml")
	text := fmt.Sprintf(`environment: custom
gateway: {url: %q, timeout: 5s}
redis: {url: %q}
tenants:
%spackages: {max_wait: %s, %s, quiet: %s, spool_dir: %s}
express: %s
confirm: %s
sweep: %s
archive: %s
http: {addr: "127.0.0.1:0"}
%s`, k.gateway, k.redisURL, tenants.String(), k.maxWait, k.packages, k.quiet, filepath.Join(s.dir, "spool"), k.express, k.confirm, k.sweep, k.archive, k.more)
	for path, content := range map[string]string{key: "test_key\n", s.config: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) archive() string { return filepath.Join(s.dir, "archive") }

// proc is a started worker.
type proc struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start starts a worker process; the test's end kills it.
func (s *site) start() *proc {
	s.t.Helper()
	log, err := os.CreateTemp(s.dir, "worker-*.log")
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	p := &proc{cmd: exec.Command(program(s.t, "worker"), "--config", s.config), log: log.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			text, _ := os.ReadFile(p.log)
			s.t.Logf("worker %d:\n%s", p.cmd.Process.Pid, text[max(0, len(text)-4000):])
		}
	})
	return p
}

// kill is kill -9, and waits for the end.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// peak is the most memory the process has had, in MB, as the kernel counts it (VmHWM).
func (p *proc) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1024
		}
	}
	t.Fatal("the kernel does not tell VmHWM")
	return 0
}

// enqueue runs the program and returns its exit code and what it printed.
func (s *site) enqueue(args ...string) (int, string) {
	s.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program(s.t, "enqueue"), append([]string{args[0], "--config", s.config}, args[1:]...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// export writes n sound invoices of a seller into a folder, of the site's own unless the path is
// absolute.
func (s *site) export(name, nip string, n int, vary ...func(int, *sample.Options)) string {
	s.t.Helper()
	dir := name
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for file, doc := range sample.Invoices(nip, n, today(), vary...) {
		if err := os.WriteFile(filepath.Join(dir, file), doc, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// settled waits until n invoices are receipted and none is in another state.
func (s *site) settled(n int, within time.Duration) {
	s.t.Helper()
	for deadline := time.Now().Add(within); ; {
		counts, err := s.ledger.Counts(s.t.Context())
		if err == nil && counts[string(ledger.Receipted)] == int64(n) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("after %v the ledger counts %v (%v), want %d receipted", within, counts, err, n)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// balanced holds the books: n invoices, each accepted exactly once, no limit overrun.
func (s *site) balanced(n int) {
	s.t.Helper()
	books := s.sim.Books()
	if len(books.Violations) > 0 {
		s.t.Errorf("limits overrun: %+v", books.Violations)
	}
	seen := map[string]bool{}
	for _, a := range books.Accepted {
		key := a.NIP + "|" + a.Kind + "|" + a.Number
		if seen[key] {
			s.t.Errorf("%s was accepted twice", key)
		}
		seen[key] = true
	}
	if len(seen) != n {
		s.t.Errorf("KSeF has %d invoices, want %d", len(seen), n)
	}
}
