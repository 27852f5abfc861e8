package archive_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
)

// The probe is one small object. Damage to it alone must not take the archive out of service.
func TestBucket_ProbeIsDamaged_TheArchiveStaysInService(t *testing.T) {
	for what, damage := range map[string]func(*archivetest.Object){
		"emptied":              func(o *archivetest.Object) { o.Data = nil },
		"other bytes":          func(o *archivetest.Object) { o.Data = []byte("rubbish") },
		"somebody else's file": func(o *archivetest.Object) { o.Data, o.Hash = []byte("keep out"), "" },
	} {
		for _, conditions := range []string{"honoured", "ignored", "refused"} {
			server := archivetest.NewS3(t, conditions)
			first := open(t, server.In("kept"))
			if err := first.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.Change("kept/.probe", damage)
			stores := map[string]archive.Store{"a running process": first, "a new process": open(t, server.In("kept"))}
			for who, s := range stores {
				for range 6 {
					if err := s.Check(t.Context()); err != nil {
						t.Errorf("probe %s, conditions %s: Check by %s = %v, want no error", what, conditions, who, err)
					}
				}
				err := s.Put(t.Context(), "b.xml", []byte("x"), "application/xml")
				if err != nil || archive.HealthOf(s).OutOfService {
					t.Errorf("probe %s, conditions %s: Put by %s = %v, health %+v, want no error and a store in service",
						what, conditions, who, err, archive.HealthOf(s))
				}
			}
		}
	}
}

// A bucket that keeps versions keeps every write of the probe. So a process must not write the
// probe with every check.
func TestBucket_ManyChecks_AProcessWritesTheProbeOnce(t *testing.T) {
	for _, conditions := range []string{"honoured", "ignored", "refused"} {
		server := archivetest.NewS3(t, conditions)
		if err := open(t, server.In("kept")).Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		written := 0
		server.Afterwards = func(method, key string) { // not called for a request that is refused
			if method == http.MethodPut && key == "kept/.probe" {
				written++
			}
		}
		s := open(t, server.In("kept"))
		for range 20 {
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			put(t, s, "a.xml", "x")
		}
		if want := map[string]int{"honoured": 0, "ignored": 1, "refused": 1}[conditions]; written != want {
			t.Errorf("conditions %s: the probe was written %d times, want %d", conditions, written, want)
		}
	}
}

func TestBucket_ProbeIsRemoved_TheNextCheckWritesItAgain(t *testing.T) {
	for _, conditions := range []string{"honoured", "ignored", "refused"} {
		server := archivetest.NewS3(t, conditions)
		s := open(t, server.In("kept"))
		for range 2 {
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("with conditions %s, Check = %v, want no error", conditions, err)
			}
			if !slices.Contains(server.Keys(), "kept/.probe") {
				t.Errorf("with conditions %s, Check has left no probe", conditions)
			}
			delete(server.Objects, "kept/.probe")
		}
	}
}

// Where the service honors the conditions of a write, every check tests the right to write.
func TestBucket_RightToWriteIsRevoked_TheNextCheckFails(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	denied := false
	server.Intercept = func(w http.ResponseWriter, method, _ string) bool {
		if denied && method == http.MethodPut {
			archivetest.Refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	}
	s := open(t, server.In("kept"))
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	denied = true
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("Check = %v, want AccessDenied from the service", err)
	}
}
