package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// People copy the printed commands into a shell, and other people have chosen the names of the
// files.
func TestSubmitAgain_AnyFileName_IsOneWordForTheShell(t *testing.T) {
	t.Chdir(t.TempDir())
	p := newProgram(&core{})
	for file, want := range map[string]string{
		"in/FV-1.xml":           "in/FV-1.xml",
		"elsewhere/FV-1.xml":    "FILE",
		"/elsewhere/FV-1.xml":   "/elsewhere/FV-1.xml",
		"a b.xml":               "a b.xml",
		"x'; touch gone; '.xml": "x'; touch gone; '.xml",
		"$(touch gone)`id`.xml": "$(touch gone)`id`.xml",
		"żółw.xml":              "żółw.xml",
		"-rf.xml":               "FILE",
		"-":                     "FILE",
		"":                      "FILE",
		"day.zip/a.xml":         "FILE",
		"\x1b[2J.xml":           "FILE",
		"a\nb.xml":              "FILE",
	} {
		if !filepath.IsAbs(file) && want == file {
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		command := p.submitAgain(file, "")
		args, found := strings.CutPrefix(command, "enqueue submit ")
		if !found {
			t.Errorf("for the file %q the command is %s, want one that begins with enqueue submit", file, command)
			continue
		}
		out, err := exec.Command("sh", "-c", `printf '<%s>' `+args).Output()
		if err != nil || string(out) != "<"+want+">" {
			t.Errorf("the file %q: from the command %s the shell reads the words %q (error %v), want <%s> alone",
				file, command, out, err, want)
		}
	}
}

func TestCommand_ConfigFlagWasGiven_IsRepeated(t *testing.T) {
	p := newProgram(&core{config: "my worker.yaml"})
	if got, want := p.command("retry", "inv-a"), "enqueue retry --config 'my worker.yaml' inv-a"; got != want {
		t.Errorf("the command is %s, want %s", got, want)
	}
	if got, want := p.command("open"), "enqueue open --config 'my worker.yaml'"; got != want {
		t.Errorf("the command is %s, want %s", got, want)
	}
}
