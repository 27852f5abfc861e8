package deploy

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// This test compares one program on one platform. `make release-check` compares all platforms, and
// compiles one of them twice.
func TestRelease_TwoBuildsInDifferentFolders_AreTheSameBytes(t *testing.T) {
	t.Parallel()
	if err := exec.Command("git", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is not a git repository, so there is no commit to release")
	}
	cmd := exec.Command("../scripts/reproducible.sh")
	cmd.Env = append(os.Environ(), "COLD=", "SBOM=0", "PLATFORMS=linux/amd64", "PROGRAMS=simulator", "VERSION=v0.0.0-test")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "two builds, same bytes: 1 files") {
		t.Errorf("the two builds differ: %v\n%s", err, out)
	}
}
