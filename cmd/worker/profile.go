//go:build profile

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// With the build tag "profile" the program writes profiles of its CPU time and of its allocations
// into the folder KSEF_BENCH_PROFILE, at the first SIGTERM. Without the tag the program has no such
// code, because a shipped program holds keys and must not write its memory to a file.
func init() {
	dir := os.Getenv("KSEF_BENCH_PROFILE")
	if dir == "" {
		return
	}
	cpu, err := os.Create(filepath.Join(dir, "worker.cpu"))
	if err == nil {
		err = pprof.StartCPUProfile(cpu)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		pprof.StopCPUProfile()
		if err := writeAllocations(filepath.Join(dir, "worker.allocs")); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
	}()
}

func writeAllocations(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.Lookup("allocs").WriteTo(f, 0); err != nil {
		return err
	}
	return f.Close()
}
