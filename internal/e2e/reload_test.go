package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// A hangup lets a worker read its configuration anew, and never ends it: a tenant that was added is
// served, one that was taken out is not, and a file with a mistake in it changes nothing.
func TestReload_TenantsChange_TheProcessLives(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Unlimited})

	s.configure(knobs{tenants: 1, maxWait: time.Second})
	p := s.start()
	hangup := func(want string) {
		t.Helper()
		before := p.count(t, want)
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(60 * time.Second); p.count(t, want) == before; <-time.After(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the log does not say %q", want)
			}
			select {
			case <-p.done:
				t.Fatal("the worker ended")
			default:
			}
		}
	}
	for deadline := time.Now().Add(30 * time.Second); p.count(t, "worker ready") == 0; <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the worker is not ready")
		}
	}
	if code, out := s.enqueue("submit", s.export("first", sample.NIP(0), 8)); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	hangup("worker ready") // in the middle of the work
	s.settled(8, 60*time.Second)

	s.configure(knobs{tenants: 2, maxWait: time.Second})
	hangup("worker ready")
	if code, out := s.enqueue("submit", s.export("second", sample.NIP(1), 8)); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	s.settled(16, 60*time.Second)

	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, append(text, "\nno_such_setting: 1\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup("configuration not reloaded")
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := s.enqueue("submit", s.export("third", sample.NIP(1), 4, func(i int, o *sample.Options) { o.Number = fmt.Sprint("THIRD/", i) })); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	s.settled(20, 60*time.Second)
	s.balanced(20)
}

// count tells how often something stands in the log.
func (p *proc) count(t *testing.T, what string) int {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), what)
}
