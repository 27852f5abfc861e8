package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ksefworker/internal/testbed/morning"
)

var programs struct {
	once sync.Once
	dir  string
	err  error
}

// program builds worker and enqueue once for all tests, and returns the path of the program with
// this name.
func program(t testing.TB, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "ksefworker-e2e-"); programs.err != nil {
			return
		}
		args := []string{"build", "-o", programs.dir + "/"}
		if os.Getenv("KSEF_BENCH_PROFILE") != "" {
			args = append(args, "-tags", "profile")
		}
		build := exec.Command("go", append(args, "ksefworker/cmd/worker", "ksefworker/cmd/enqueue")...)
		if out, err := build.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}

func TestMain(m *testing.M) {
	code := morning.Of(m).Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

func TestPrograms_VersionFlag_PrintsNameAndGoVersion(t *testing.T) {
	for _, name := range []string{"worker", "enqueue"} {
		out, err := exec.Command(program(t, name), "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), name+" ") || !strings.Contains(string(out), "go1.") {
			t.Errorf("%s --version prints %q (error %v), want its name and the version of Go", name, out, err)
		}
	}
}
