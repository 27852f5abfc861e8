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

// runDemo runs the demo program. The demo is a separate program, so that the worker does not link
// the simulator and the in-process Redis.
func runDemo(ctx context.Context, keep bool, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the demo program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "demo")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no demo program in the folder of this program (%s): build it with make build",
			filepath.Dir(self))
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
		return fmt.Errorf("the demo failed (exit code %d), see its message above", exit.ExitCode())
	} else if err != nil {
		return fmt.Errorf("run the demo program: %w", err)
	}
	return nil
}
