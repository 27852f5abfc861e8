package e2e_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// SIGHUP makes a worker read its configuration again and never ends it. A tenant that was added is
// served, and a file with a mistake in it changes nothing.
func TestReload_TenantsChange_TheProcessLives(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Unlimited})
	oneSecond := func(c *config.Config) { c.Packages.MaxWait = time.Second }
	s.configure(1, oneSecond)
	w := s.start()
	logs := func(text string, times int) {
		t.Helper()
		s.eventually(60*time.Second, func() (bool, string) {
			select {
			case <-w.done:
				t.Fatal("SIGHUP has ended the worker")
			default:
			}
			return w.count(t, text) >= times, fmt.Sprintf("the log does not say %q", text)
		})
	}
	hangup := func(want string) {
		t.Helper()
		before := w.count(t, want)
		if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		logs(want, before+1)
	}
	logs("worker ready", 1)
	s.submit(s.export("first", sample.NIP(0), 8))
	hangup("worker ready") // while the invoices are on their way
	s.receipted(8, 60*time.Second)

	s.configure(2, oneSecond)
	hangup("worker ready")
	s.submit(s.export("second", sample.NIP(1), 8))
	s.receipted(16, 60*time.Second)

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
	s.submit(s.export("third", sample.NIP(1), 4, func(i int, o *sample.Options) { o.Number = fmt.Sprint("THIRD/", i) }))
	s.receipted(20, 60*time.Second)
	s.balanced(20)

	// A worker that is stopping still ends when SIGHUP comes meanwhile.
	before := w.count(t, "worker stops")
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.eventually(20*time.Second, func() (bool, string) {
		return w.count(t, "worker stops") > before, "the worker does not stop"
	})
	_ = w.cmd.Process.Signal(syscall.SIGHUP) // an error only means that the worker has ended
	<-w.done
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the worker ended with exit code %d, want 0", code)
	}
}
