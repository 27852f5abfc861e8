package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ksefworker/config"
)

// unitFiles has the unit files, and under which name each is verified. A template needs the name of
// an instance.
var unitFiles = map[string]string{"ksefworker@.service": "ksefworker@1.service", "ksefworker-intake.service": "ksefworker-intake.service"}

func TestSystemd_Units_AreAcceptedBySystemd(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed, so the units are not verified")
	}
	for file, instance := range unitFiles {
		raw, err := os.ReadFile(filepath.Join("systemd", file))
		if err != nil {
			t.Fatal(err)
		}
		// The programs are not installed here, so /bin/true takes their place.
		dir := t.TempDir()
		text := regexp.MustCompile(`ExecStart=\S+`).ReplaceAllString(string(raw), "ExecStart=/bin/true")
		path := filepath.Join(dir, instance)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path)
		cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
		out, err := cmd.CombinedOutput()
		// systemd-analyze also complains about the machine that it runs on.
		if ours := strings.Contains(string(out), dir) || strings.Contains(string(out), "ksefworker"); ours || err != nil {
			t.Errorf("systemd-analyze complains about %s: %v\n%s", file, err, out)
		}
	}
}

func TestSystemd_VariablesAndPrograms_AreThoseOfTheProgram(t *testing.T) {
	for file := range unitFiles {
		raw, err := os.ReadFile(filepath.Join("systemd", file))
		if err != nil {
			t.Fatal(err)
		}
		environ := []string{}
		for _, m := range regexp.MustCompile(`(?m)^Environment=(\w+)=(.*)$`).FindAllStringSubmatch(string(raw), -1) {
			environ = append(environ, m[1]+"="+strings.NewReplacer("%i", "1", "%H", "host").Replace(m[2]))
		}
		// Load fails if the unit gives a setting an invalid value. It warns of a variable that has
		// the prefix but belongs to no setting.
		bare, err := config.Load("demo/worker.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := config.Load("demo/worker.yaml", environ); err != nil {
			t.Errorf("the variables of %s are refused: %v", file, err)
		} else if len(c.Warnings) > len(bare.Warnings) {
			t.Errorf("the variables of %s give warnings: %v", file, c.Warnings)
		}
		stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)s$`).FindStringSubmatch(string(raw))
		if stop == nil || stop[1] != "45" {
			t.Errorf("%s sets TimeoutStopSec to %v, want 45 s, so that running tasks can end", file, stop)
		}
		for _, want := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "User=ksef", "CapabilityBoundingSet=\n"} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s lacks %s", file, want)
			}
		}
	}
}
