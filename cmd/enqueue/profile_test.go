package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profiled runs enqueue. It is called when the test program is started under the name enqueue. If
// KSEF_BENCH_PROFILE names a folder, profiled writes a profile of the CPU time and a profile of the
// allocations into it. Each call overwrites the profiles of the call before.
func profiled() {
	dir := os.Getenv("KSEF_BENCH_PROFILE")
	if dir == "" {
		main()
		return
	}
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
			os.Exit(1)
		}
	}
	cpu, err := os.Create(filepath.Join(dir, "enqueue.cpu"))
	must(err)
	must(pprof.StartCPUProfile(cpu))
	code := run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	pprof.StopCPUProfile()
	allocs, err := os.Create(filepath.Join(dir, "enqueue.allocs"))
	must(err)
	must(pprof.Lookup("allocs").WriteTo(allocs, 0))
	os.Exit(code)
}
