package pack_test

import (
	"errors"
	"os/signal"
	"syscall"
	"testing"

	"ksefworker/internal/pack"
)

// The test cannot fill a disk, because it mounts none of its own. Instead it sets a limit on file
// sizes. This comes closest to a full disk, because write(2) fails half way through a part.
func TestBuild_DiskFull_IsReportedAndLeavesNothing(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16 << 20, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err := pack.Build(t.Context(), noise(20_000_000, 100_000), pack.Options{Dir: dir, Encrypter: sealCBC})
	if restore := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); restore != nil {
		t.Fatal(restore)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Build = %v, want EFBIG from the system", err)
	}
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("the failed build left these files in the spool: %v", left)
	}
}
