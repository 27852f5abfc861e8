package archive_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
)

// lease makes every opening of a file block in the system, as on a network folder that is
// unavailable, until release is called.
func lease(t *testing.T, path string) (release func()) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("this file system has no leases: ", err)
	}
	return func() {
		if _, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			t.Error(err)
		}
	}
}

func TestFolder_OpenHangsInTheSystem_TheCallIsLeftBehindAndOthersGoOn(t *testing.T) {
	dir := t.TempDir()
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := lease(t, filepath.Join(dir, "hangs.xml"))
	var call *archive.CallError
	if _, err := s.Get(t.Context(), "hangs.xml"); !errors.As(err, &call) || !call.Sick {
		t.Errorf("Get = %v, want a sick CallError", err)
	}
	for i := range 10 {
		if err := s.Put(t.Context(), "hangs.xml", []byte("x"), ""); err == nil {
			t.Error("Put returned no error, although its file hangs")
		}
		name := fmt.Sprint(i, ".xml")
		put(t, s, name, "x")
		if err := s.Flush(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if h := archive.HealthOf(s); h.OutOfService || h.Stuck != 1 {
		t.Errorf("the store should be in service with one call left behind: %+v", h)
	}
	release()
	for deadline := time.Now().Add(10 * time.Second); archive.HealthOf(s).Stuck > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the call that was left behind has not returned after ten seconds")
		}
		<-time.After(time.Millisecond)
	}
}

// The service accepts connections and never answers. Each call ends when its time is over, and a
// few of these calls take the store out of service.
func TestBucket_ServiceNeverAnswers_OutOfServiceAfterAFewCalls(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	url := "s3://" + archivetest.Bucket + "/x?path_style=true&region=eu-central-1&endpoint=http://" + silent.Addr().String()
	keys := archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey, Timeout: 50 * time.Millisecond}
	s, err := archive.Open(t.Context(), url, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		err := s.Put(t.Context(), "a.xml", []byte("x"), "")
		if err == nil || !strings.Contains(err.Error(), "does not answer in time") {
			t.Errorf("Put = %v, want an error that says that the service does not answer in time", err)
		}
	}
	if h := archive.HealthOf(s); !h.OutOfService {
		t.Errorf("the store should be out of service: %+v", h)
	}
	if _, err := s.Get(t.Context(), "a.xml"); err == nil || !strings.Contains(err.Error(), "out of service since") {
		t.Errorf("Get = %v, want an error that says that the store is out of service", err)
	}
}
