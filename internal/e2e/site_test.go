package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
)

// site is one machine: Redis, simulator, configuration, archive.
type site struct {
	t      testing.TB
	bed    *testbed.Bed
	rdb    *redis.Client
	ledger *ledger.Ledger
	dir    string
	config string   // path of the configuration
	direct []string // NIPs of the tenants that go straight to KSeF
}

func newSite(t testing.TB, o simulator.Options) *site {
	t.Helper()
	return newSiteOf(t, o, nil)
}

// newSiteOf is newSite with a simulated API of the Ministry that has the options direct. If direct
// is nil, there is no such API.
func newSiteOf(t testing.TB, o simulator.Options, direct *ministry.Options) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.config = filepath.Join(s.dir, "worker.yaml")
	s.bed = bedtest.Start(t, testbed.Options{Dir: s.dir, Redis: redisd.Options{AppendOnly: true}, Simulator: o, Direct: direct})
	s.rdb = redistest.Client(t, s.bed.Redis)
	s.ledger = ledger.New(s.rdb, ledger.Options{})
	return s
}

// configure writes the configuration that workers and enqueue load from now on.
func (s *site) configure(tenants int, tune ...func(*config.Config)) {
	s.t.Helper()
	c := s.bed.Config(tenants)
	if len(s.direct) > 0 {
		if err := s.bed.GoDirect(&c, s.direct...); err != nil {
			s.t.Fatal(err)
		}
	}
	c.Gateway.Timeout = 5 * time.Second
	c.Packages.MaxWait = 500 * time.Millisecond
	c.Sweep = config.Sweep{Every: time.Second, After: 2 * time.Second}
	for _, f := range tune {
		f(&c)
	}
	if err := testbed.WriteConfig(s.config, c); err != nil {
		s.t.Fatal(err)
	}
}

// noticesDeathsEarly lets a pool notice within three seconds that a worker has died.
func noticesDeathsEarly(c *config.Config) { c.Worker.DeadAfter = 3 * time.Second }

// gatewayAt sends the workers to another address than the simulator's.
func gatewayAt(url string) func(*config.Config) {
	return func(c *config.Config) { c.Gateway.URL = url }
}

// redisAt sends the programs to an address other than the Redis server's.
func redisAt(url string) func(*config.Config) {
	return func(c *config.Config) { c.Redis.URL = url }
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

// submit runs enqueue submit, which must succeed, and returns what it printed.
func (s *site) submit(args ...string) string {
	s.t.Helper()
	code, out := s.enqueue(append([]string{"submit"}, args...)...)
	if code != 0 {
		s.t.Fatalf("enqueue ended with exit code %d:\n%s", code, out[max(0, len(out)-2000):])
	}
	return out
}

func today() string { return invoice.Today(time.Now()) }

// export writes n good invoices of a seller into a folder and returns its path. A relative name is
// a folder of the site.
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

// eventually waits until the condition holds. If that takes longer than within, the test fails with
// the state that the condition reports.
func (s *site) eventually(within time.Duration, condition func() (holds bool, state string)) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(within)
	for {
		holds, state := condition()
		if holds {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("after %v: %s", within, state)
		}
		<-tick.C
	}
}

// reached waits until n invoices are in a state.
func (s *site) reached(state ledger.State, n int, within time.Duration) {
	s.t.Helper()
	s.eventually(within, func() (bool, string) {
		counts, err := s.ledger.Counts(s.t.Context())
		return err == nil && counts[string(state)] == int64(n),
			fmt.Sprintf("the ledger counts %v (%v), want %d %s", counts, err, n, state)
	})
}

// receipted waits until n invoices have their receipts.
func (s *site) receipted(n int, within time.Duration) {
	s.t.Helper()
	s.reached(ledger.Receipted, n, within)
}

// balanced checks the simulator's books. They must have n invoices, each accepted exactly once, and
// no overrun of a limit.
func (s *site) balanced(n int) {
	s.t.Helper()
	for _, err := range testbed.AuditBooks(s.bed.Simulator.Books()).Balance(n) {
		s.t.Error(err)
	}
}

// invoices returns up to 100,000 invoices in a state.
func (s *site) invoices(state ledger.State) []ledger.Invoice {
	s.t.Helper()
	ids, err := s.ledger.InState(s.t.Context(), state, time.Time{}, time.Now().Add(time.Hour), 100_000)
	if err != nil {
		s.t.Fatal(err)
	}
	invs, err := s.ledger.Invoices(s.t.Context(), ids)
	if err != nil {
		s.t.Fatal(err)
	}
	return invs
}
