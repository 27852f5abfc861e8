package buildinfo_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ksefworker/internal/buildinfo"
)

func TestRead_ThisTest_NamesVersionAndGo(t *testing.T) {
	info := buildinfo.Read()
	if info.Version == "" || info.GoVersion != runtime.Version() {
		t.Errorf("the build lacks its version or the version of Go: %+v", info)
	}
	if s := (buildinfo.Info{Version: "v1.2.3", Revision: "abc", GoVersion: "go1.26"}).String(); s != "v1.2.3 (revision abc, go1.26)" {
		t.Errorf("the build is shown as %q, want v1.2.3 (revision abc, go1.26)", s)
	}
	if s := info.String(); !strings.HasPrefix(s, info.Version) || !strings.Contains(s, info.GoVersion) {
		t.Errorf("the build is shown as %q, want %s first, and %s in it", s, info.Version, info.GoVersion)
	}
}

// The test builds with the flags of make build, because a binary that a person builds must say what
// it is.
func TestMakeBuild_BinaryNamesVersionAndRevision(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	root := filepath.Join("..", "..")
	plan := exec.Command("make", "-n", "-C", root, "build", "VERSION=v9.8.7", "REVISION=0123abc")
	out, err := plan.CombinedOutput()
	if err != nil {
		t.Fatalf("make does not print the flags: %v: %s", err, out)
	}
	_, flags, _ := strings.Cut(string(out), "-ldflags \"")
	flags, _, found := strings.Cut(flags, "\"")
	if !found {
		t.Fatalf("make build passes no flags: %s", out)
	}
	program := filepath.Join(t.TempDir(), "simulator")
	if out, err := exec.Command("go", "build", "-ldflags", flags, "-o", program, "ksefworker/cmd/simulator").CombinedOutput(); err != nil {
		t.Fatalf("the program cannot be built with the flags: %v: %s", err, out)
	}
	said, err := exec.Command(program, "--version").Output()
	if want := "v9.8.7 (revision 0123abc, " + runtime.Version() + ")"; err != nil || !strings.Contains(string(said), want) {
		t.Errorf("--version says %q (%v), want %q", said, err, want)
	}
}
