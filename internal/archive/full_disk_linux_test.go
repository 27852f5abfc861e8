package archive_test

import (
	"bytes"
	"errors"
	"os/signal"
	"syscall"
	"testing"

	"ksefworker/internal/archive"
)

// A limit on file sizes stands in for a full disk: write(2) fails in the middle of the file. The
// limit holds for the whole process, so it is far above what the testing package writes.
func TestFolder_DiskFull_FailsAndLeavesNoTornFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	put(t, s, "old.json", "{}")
	before := len(files(t, dir))

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16 << 20, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x"), 17<<20)
	putErr := s.Put(t.Context(), "new.xml", large, "")
	replaceErr := s.Replace(t.Context(), "old.json", large, "")
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}

	if !errors.Is(putErr, syscall.EFBIG) || !errors.Is(replaceErr, syscall.EFBIG) {
		t.Errorf("Put = %v, Replace = %v; want EFBIG from the system", putErr, replaceErr)
	}
	if _, err := s.Get(t.Context(), "new.xml"); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("after its Put failed, Get of new.xml = %v, want ErrNotFound", err)
	}
	if got, err := s.Get(t.Context(), "old.json"); string(got) != "{}" {
		t.Errorf("old.json now has %d bytes, %v, want the two that were put", len(got), err)
	}
	if after := files(t, dir); len(after) != before {
		t.Errorf("%d files are left behind, want none", len(after)-before)
	}
	if err := s.Put(t.Context(), "new.xml", large, ""); err != nil {
		t.Errorf("after there is space again, Put = %v, want no error", err)
	}
}
