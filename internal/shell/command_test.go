package shell

import (
	"os/exec"
	"strings"
	"testing"
)

func TestCall_ArgumentWithSpacesOrQuotes_IsOneWordToAShell(t *testing.T) {
	args := []string{"resume", "Beta sp. z o.o.", "O'Brien", "", "$HOME; rm -rf `x`", "żółw\u00a0s.a.", "plain-1/2", "--wait=receipt", "=ls"}
	call := Enqueue{Config: "my worker.yaml"}.Call(args[0], args[1:]...)
	out, err := exec.Command("sh", "-c", `enqueue() { printf '<%s>\n' "$@"; }; `+call).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{"resume", "--config", "my worker.yaml"}, args[1:]...)
	if got := strings.TrimSpace(string(out)); got != "<"+strings.Join(want, ">\n<")+">" {
		t.Errorf("%s\nis read by the shell as\n%s\nwant one word for each argument", call, got)
	}
}

func TestCall_NoConfig_LeavesTheFlagOut(t *testing.T) {
	if got := (Enqueue{}).Call("resume", "t", "--queue", "all"); got != "enqueue resume t --queue all" {
		t.Errorf("the command is %q, want the arguments alone, without --config", got)
	}
}

func TestOperand_LooksLikeAFlag_HasTwoHyphensBeforeIt(t *testing.T) {
	if got := (Enqueue{}).Call("status", Operand("-5/2")...); got != "enqueue status -- -5/2" {
		t.Errorf("the command is %q, want two hyphens before the operand", got)
	}
}
