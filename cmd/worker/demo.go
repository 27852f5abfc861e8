package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// runDemo runs the demo program. It is a program of its own, because a worker carries no stand-ins.
func runDemo(ctx context.Context, keep bool, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the demo program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "demo")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the demo program is not beside this one (%s): build it with make build", filepath.Dir(self))
	}
	cmd := exec.CommandContext(ctx, path)
	if keep {
		cmd.Args = append(cmd.Args, "--keep")
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return fmt.Errorf("the demo failed, as it said (exit code %d)", exit.ExitCode())
	} else if err != nil {
		return fmt.Errorf("run the demo program: %w", err)
	}
	return nil
}
