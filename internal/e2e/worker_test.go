package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// worker is a started worker process.
type worker struct {
	cmd  *exec.Cmd
	log  string        // path of its log
	done chan struct{} // closed when it has ended
}

// start starts a worker process; the end of the test kills it.
func (s *site) start() *worker { return s.startBuild(program(s.t, "worker")) }

// startBuild is like start, but runs the program at a path.
func (s *site) startBuild(program string) *worker {
	s.t.Helper()
	log, err := os.CreateTemp(s.dir, "worker-*.log")
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	w := &worker{cmd: exec.Command(program, "--config", s.config), log: log.Name(), done: make(chan struct{})}
	w.cmd.Stdout, w.cmd.Stderr = log, log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := w.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { defer close(w.done); _ = w.cmd.Wait() }()
	s.t.Cleanup(func() {
		w.kill()
		if s.t.Failed() {
			text, _ := os.ReadFile(w.log)
			s.t.Logf("worker %d:\n%s", w.cmd.Process.Pid, text[max(0, len(text)-4000):])
		}
	})
	return w
}

// startMany starts n worker processes.
func (s *site) startMany(n int) []*worker {
	s.t.Helper()
	var all []*worker
	for range n {
		all = append(all, s.start())
	}
	return all
}

// kill sends SIGKILL and waits for the end.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	<-w.done
}

// terminate sends SIGTERM and returns how long the process took to end. It must end with exit code
// 0.
func (w *worker) terminate(t testing.TB, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.done:
	case <-time.After(within):
		t.Fatalf("the worker is still running %v after SIGTERM", within)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the worker ended with exit code %d, want 0", code)
	}
	return time.Since(began)
}

// peak returns the maximum memory of the process in MB, as the kernel counts it (VmHWM).
func (w *worker) peak(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
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
	t.Fatal("the kernel does not report VmHWM")
	return 0
}

// count returns how often a text occurs in the log.
func (w *worker) count(t *testing.T, text string) int {
	t.Helper()
	log, err := os.ReadFile(w.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), text)
}

// address reads from the worker's log where it listens.
func (w *worker) address(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var entry struct{ HTTP string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.HTTP != "" {
			return entry.HTTP
		}
	}
	t.Fatalf("worker %d does not log where it listens", w.cmd.Process.Pid)
	return ""
}

// answers checks the status of an HTTP endpoint of the worker. The answer must come within six
// seconds, because a probe of Docker or Kubernetes waits no longer.
func (w *worker) answers(t *testing.T, path string, want int) {
	t.Helper()
	client := http.Client{Timeout: 6 * time.Second}
	res, err := client.Get("http://" + w.address(t) + path)
	if err != nil {
		t.Errorf("%s gives no answer in time: %v", path, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		t.Errorf("%s answers %d, want %d", path, res.StatusCode, want)
	}
}
