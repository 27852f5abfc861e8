package e2e_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// upgradesAtOnce leaves no time to go back to an earlier build.
func upgradesAtOnce(c *config.Config) { c.Ledger.UpgradeAfter = 0 }

// inBuckets counts the receipted invoices that are in buckets. A bucket is a hash that holds the
// packed entries of several invoices.
func inBuckets(s *site) int64 {
	s.t.Helper()
	n := int64(0)
	for _, key := range s.rdb.Keys(s.t.Context(), "ksef:final:*").Val() {
		n += s.rdb.HLen(s.t.Context(), key).Val()
	}
	return n
}

func allInBuckets(s *site, n int64, within time.Duration) {
	s.t.Helper()
	s.eventually(within, func() (bool, string) {
		got := inBuckets(s)
		return got == n, fmt.Sprintf("%d invoices are in buckets, want %d", got, n)
	})
}

// beforeBuckets is the home of the ledger (the key ksef:home) as it was written by builds that did
// not know buckets.
const beforeBuckets = `{"v":1,"environment":"custom","address":%q}`

func TestFormat_AnEarlierWorkerIsAlive_NothingIsPackedUntilItHasEnded(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Production})
	s.configure(1, upgradesAtOnce)
	ctx, c := t.Context(), s.bed.Config(1)
	written := map[string]string{"ksef:home": fmt.Sprintf(beforeBuckets, c.BaseURL()), "ksef:worker:earlier": "1764200000000"}
	for key, value := range written {
		if err := s.rdb.Set(ctx, key, value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w := s.start()
	dir := s.export("a", sample.NIP(0), 5)
	s.submit(dir)
	s.receipted(5, time.Minute)
	s.eventually(20*time.Second, func() (bool, string) {
		return w.count(t, "until processes of an earlier build have ended: earlier") == 1, "the log does not say what packing waits for"
	})
	if out := s.submit(dir); inBuckets(s) != 0 || !strings.Contains(out, "5 already here") {
		t.Errorf("%d invoices are packed, want 0; handed in again, all 5 should be here already:\n%s", inBuckets(s), out)
	}
	if err := s.rdb.Del(ctx, "ksef:worker:earlier").Err(); err != nil {
		t.Fatal(err)
	}
	allInBuckets(s, 5, 20*time.Second)
	if out := s.submit(dir); !strings.Contains(out, "5 already here") {
		t.Errorf("handed in again after they were packed, all 5 should be here already:\n%s", out)
	}
	s.balanced(5)

	// A ledger of a later format.
	w.terminate(t, 40*time.Second)
	if err := s.rdb.Set(ctx, "ksef:home", `{"v":99}`, 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"worker", "enqueue"} {
		code, out := runProgram(s, program(t, name), map[string][]string{"enqueue": {"submit", dir}}[name]...)
		if code != 2 || !strings.Contains(out, "has format 99, and this build reads formats up to") {
			t.Errorf("%s ended with exit code %d, want 2 and a text that names the format 99:\n%s", name, code, out)
		}
	}
}

// A build that knows nothing of buckets shares the pool. While a worker of that build is alive,
// nothing is packed into buckets, and no invoice is taken in twice. After the upgrade, programs of
// that build are refused.
func TestFormat_AnEarlierBuildSharesThePool_NothingIsTakenTwiceAndInTheEndItIsRefused(t *testing.T) {
	old, revision := earlier(t)
	if exec.Command("git", "cat-file", "-e", revision+":internal/ledger/format.go").Run() == nil {
		t.Skipf("%s knows formats of the ledger", revision)
	}
	t.Setenv("KSEF_LEDGER_UPGRADE_AFTER", "1s") // an earlier build only warns that it does not know this variable
	s := newSite(t, simulator.Options{Profile: simulator.Production})
	s.configure(1, noticesDeathsEarly)
	take := func(build, dir string) string {
		t.Helper()
		code, out := runProgram(s, filepath.Join(build, "enqueue"), "submit", dir)
		if code != 0 {
			t.Fatalf("enqueue submit ended with exit code %d:\n%s", code, out)
		}
		return out
	}
	now := filepath.Dir(program(t, "enqueue"))
	before, first := s.startBuild(filepath.Join(old, "worker")), s.export("a", sample.NIP(0), 5)
	take(old, first)
	s.receipted(5, time.Minute)

	s.start()
	second := s.export("b", sample.NIP(0), 5, func(_ int, o *sample.Options) { o.Number = "B/" + o.Number })
	take(now, second)
	s.receipted(10, time.Minute)
	for _, build := range []string{old, now} {
		for _, dir := range []string{first, second} {
			if out := take(build, dir); !strings.Contains(out, "5 already here") {
				t.Errorf("handed in again, all 5 should be here already:\n%s", out)
			}
		}
	}
	if n := inBuckets(s); n != 0 {
		t.Errorf("%d invoices are packed while an earlier worker is alive, want none", n)
	}
	before.terminate(t, 40*time.Second)
	allInBuckets(s, 10, 30*time.Second)
	for _, name := range []string{"worker", "enqueue"} {
		code, out := runProgram(s, filepath.Join(old, name), map[string][]string{"enqueue": {"submit", first}}[name]...)
		if code == 0 || !strings.Contains(out, "newer version") {
			t.Errorf("the earlier %s ended with exit code %d, want a failure that names a newer version:\n%s", name, code, out)
		}
	}
	if out := take(now, first); !strings.Contains(out, "5 already here") {
		t.Errorf("handed in again after they were packed, all 5 should be here already:\n%s", out)
	}
	s.receipted(10, time.Minute)
	s.balanced(10)
}

// runProgram runs a program of the site to its end.
func runProgram(s *site, path string, args ...string) (int, string) {
	s.t.Helper()
	at := 0
	if len(args) > 0 {
		at = 1
	}
	var out bytes.Buffer
	cmd := exec.Command(path, append(append(append([]string{}, args[:at]...), "--config", s.config), args[at:]...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}
