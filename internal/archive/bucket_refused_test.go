package archive_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
)

// If the service refuses one object, that object counts as damaged. If it refuses every object, the
// whole archive is at fault, and no object counts as damaged.
func TestBucket_OneObjectIsRefused_ItCountsAsDamagedAndARefusalOfAllDoesNot(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	put(t, s, "5265877635/2026-11/a.xml", "<a/>")
	put(t, s, "5265877635/2026-11/b.xml", "<b/>")
	put(t, s, "bodies/b", "x")
	refused := []string{"kept/5265877635/2026-11/b.xml", "kept/bodies/b"}
	server.Intercept = func(w http.ResponseWriter, method, key string) bool {
		// An empty list stands for every object.
		refuses := slices.Contains(refused, key) || len(refused) == 0 && strings.HasPrefix(key, "kept/")
		if refuses && (method == http.MethodGet || method == http.MethodHead) {
			archivetest.Refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	}
	const name = "5265877635/2026-11/b.xml"
	read := func() error {
		_, err := s.Get(t.Context(), name)
		_, _, part := archive.RangeOf(t.Context(), s, name, 0, 1)
		if errors.Is(err, archive.ErrCorrupt) != errors.Is(part, archive.ErrCorrupt) {
			t.Errorf("Get = %v, GetRange = %v, want both or neither to be ErrCorrupt", err, part)
		}
		return err
	}
	if err := read(); !errors.Is(err, archive.ErrCorrupt) || !strings.Contains(err.Error(), "it cannot be opened") {
		t.Errorf("Get of an object that is refused = %v, want ErrCorrupt with the reason", err)
	}
	if data, err := s.Get(t.Context(), "5265877635/2026-11/a.xml"); err != nil || string(data) != "<a/>" {
		t.Errorf("another object is read as %q, %v, want <a/>", data, err)
	}
	var call *archive.CallError
	if _, err := s.Get(t.Context(), "bodies/b"); !errors.As(err, &call) || errors.Is(err, archive.ErrCorrupt) {
		t.Errorf("Get of a document that waits = %v, want a CallError that is not ErrCorrupt", err)
	}
	if err := s.Put(t.Context(), name, []byte("<c/>"), ""); err == nil {
		t.Error("Put over an object that cannot be read returned no error")
	}
	refused = nil
	if err := read(); !errors.As(err, &call) || errors.Is(err, archive.ErrCorrupt) {
		t.Errorf("Get while every object is refused = %v, want a CallError that is not ErrCorrupt", err)
	}
}
