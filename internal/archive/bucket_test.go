package archive_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
)

func TestBucket_ConditionsHonoured_PutIsOneRequest(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	put(t, s, "a.xml", "x")
	server.Take()
	put(t, s, "b.xml", "x")
	if got, want := server.Take(), []string{"PUT kept/b.xml"}; !slices.Equal(got, want) {
		t.Errorf("the service saw %v, want %v", got, want)
	}
	if got := server.ContentType["kept/b.xml"]; got != "application/xml" {
		t.Errorf("the content type is %q, want application/xml", got)
	}
	put(t, s, "b.xml", "x")
	if got, want := server.Take(), []string{"PUT kept/b.xml", "HEAD kept/b.xml"}; !slices.Equal(got, want) {
		t.Errorf("for the same Put again, the service saw %v, want %v and no download", got, want)
	}
}

func TestBucket_AnswerLost_PutStillSucceedsOnce(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	put(t, s, "a.xml", "x")
	server.Take()
	lost := 0
	server.Afterwards = func(method, key string) { // the request is carried out, then the connection is cut
		if method == http.MethodPut && lost == 0 {
			lost++
			panic(http.ErrAbortHandler)
		}
	}
	put(t, s, "b.xml", "x")
	if got, want := server.Take(), []string{"PUT kept/b.xml", "PUT kept/b.xml", "HEAD kept/b.xml"}; !slices.Equal(got, want) {
		t.Errorf("the service saw %v, want %v", got, want)
	}
}

func TestBucket_ServiceErrors_AreReportedWithoutSecrets(t *testing.T) {
	for _, c := range []struct {
		why    string
		status int
		code   string
	}{
		{"keys without the right", http.StatusForbidden, "AccessDenied"},
		{"a wrong region", http.StatusBadRequest, "AuthorizationHeaderMalformed"},
		{"overload, after the retries", http.StatusServiceUnavailable, "SlowDown"},
	} {
		server := archivetest.NewS3(t, "honoured")
		server.Intercept = func(w http.ResponseWriter, _, _ string) bool {
			archivetest.Refuse(w, c.status, c.code)
			return true
		}
		s := open(t, server.In("kept"))
		_, getErr := s.Get(t.Context(), "a.json")
		for method, err := range map[string]error{
			"Put":     s.Put(t.Context(), "a.json", []byte("content"), ""),
			"Replace": s.Replace(t.Context(), "a.json", []byte("content"), ""),
			"Get":     getErr,
			"Check":   s.Check(t.Context()),
		} {
			if err == nil || method != "Get" && !strings.Contains(err.Error(), c.code) ||
				errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrConflict) {
				t.Errorf("%s: %s = %v; want %s in it", c.why, method, err, c.code)
			}
			for _, secret := range []string{archivetest.SecretKey, archivetest.AccessKey, "content", "Signature"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error of %s contains %q: %v", c.why, method, secret, err)
				}
			}
		}
	}
}

func TestBucket_TemporaryOverload_IsRetried(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	refused := 0
	server.Intercept = func(w http.ResponseWriter, method, _ string) bool {
		if method == http.MethodPut && refused == 0 {
			refused++
			archivetest.Refuse(w, http.StatusServiceUnavailable, "SlowDown")
			return true
		}
		return false
	}
	put(t, s, "a.xml", "x")
}

func TestBucket_DamagedObject_IsNotReturned(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	put(t, s, "a.xml", "<Faktura/>")
	server.Change("kept/a.xml", func(o *archivetest.Object) { o.Data = []byte("<Faktvra/>") })
	if _, err := s.Get(t.Context(), "a.xml"); !errors.Is(err, archive.ErrCorrupt) {
		t.Errorf("Get = %v, want ErrCorrupt", err)
	}
}

func TestBucket_ObjectWithoutHash_IsComparedByContent(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	s := open(t, server.In("kept"))
	put(t, s, "a.xml", "mine")
	server.Change("kept/a.xml", func(o *archivetest.Object) { o.Hash = "" })
	put(t, s, "a.xml", "mine")
	if err := s.Put(t.Context(), "a.xml", []byte("ours"), ""); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("Put = %v, want ErrConflict", err)
	}
}

func TestBucket_CheckWithMissingRights_FailsButNeedsNoRightToDelete(t *testing.T) {
	for _, c := range []struct {
		why, method string
		fails       bool
	}{
		{"an archive that nobody may delete from", http.MethodDelete, false},
		{"no right to write", http.MethodPut, true},
		{"no right to read", http.MethodGet, true},
	} {
		server := archivetest.NewS3(t, "honoured")
		server.Intercept = func(w http.ResponseWriter, method, _ string) bool {
			if method == c.method {
				archivetest.Refuse(w, http.StatusForbidden, "AccessDenied")
			}
			return method == c.method
		}
		if err := open(t, server.In("kept")).Check(t.Context()); (err != nil) != c.fails {
			t.Errorf("%s: Check = %v, want an error: %v", c.why, err, c.fails)
		}
	}
	server := archivetest.NewS3(t, "honoured")
	wrong := strings.Replace(server.In("kept"), archivetest.Bucket, "receiptz", 1)
	err := open(t, wrong).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "NoSuchBucket") && !strings.Contains(err.Error(), "bucket does not exist") {
		t.Errorf("for a missing bucket, Check = %v, want it to say that the bucket does not exist", err)
	}
}

func TestBucket_ServiceHangs_TheCallEndsAfterTheTimeout(t *testing.T) {
	server := archivetest.NewS3(t, "honoured")
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	server.Intercept = func(http.ResponseWriter, string, string) bool {
		<-hold
		return true
	}
	o := archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey, Timeout: 50 * time.Millisecond}
	s, err := archive.Open(t.Context(), server.In("kept"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := time.Now()
	if err := s.Put(t.Context(), "a.xml", nil, ""); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("Put = %v after %v, want an error within 5 seconds", err, time.Since(start))
	}
}

func TestOpen_BadURLs_AreRefusedWithoutRepeatingKeys(t *testing.T) {
	keys := archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey}
	for _, c := range []struct {
		why, url string
		o        archive.Options
		want     string
	}{
		{"keys in the URL", "s3://AKID:hunter2@bucket/x", keys, "user name or key"},
		{"keys in the endpoint", "s3://bucket?endpoint=http://a:hunter2@127.0.0.1", keys, "endpoint"},
		{"keys in a URL that cannot be parsed", "s3://AKID:hunter2@bucket:port/x", keys, "not a URL"},
		{"a parameter misspelt", "s3://bucket?endpiont=http://127.0.0.1", keys, "endpiont"},
		{"no scheme in the endpoint", "s3://bucket?endpoint=127.0.0.1:9000", keys, "endpoint"},
		{"path_style neither true nor false", "s3://bucket?path_style=maybe", keys, "path_style"},
		{"no bucket", "s3:///prefix", keys, "no bucket"},
		{"a prefix with ..", "s3://bucket/a/../b", keys, "prefix"},
		{"half a pair of keys", "s3://bucket/x", archive.Options{AccessKey: archivetest.AccessKey}, "go together"},
		{"a folder of another machine", "file://server/share", archive.Options{}, "file:///absolute/folder"},
		{"a relative folder", "file:archive", archive.Options{}, "file:///absolute/folder"},
		{"another scheme", "gs://bucket", archive.Options{}, `"gs"`},
		{"an empty URL", "", archive.Options{}, "neither file nor s3"},
	} {
		_, err := archive.Open(t.Context(), c.url, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q in it and no key", c.why, err, c.want)
		}
	}
}

func TestBucket_URL_HasTheFormOfS3Tools(t *testing.T) {
	s := open(t, archivetest.NewS3(t, "honoured").In("kept/here"))
	if got, want := s.URL("a/b.xml"), "s3://receipts/kept/here/a/b.xml"; got != want {
		t.Errorf("URL = %q, want %q", got, want)
	}
}

func TestBucket_CheckWithoutRightToDelete_LeavesOnlyTheProbe(t *testing.T) {
	for _, conditions := range []string{"honoured", "ignored", "refused"} {
		server := archivetest.NewS3(t, conditions)
		server.Intercept = func(w http.ResponseWriter, method, _ string) bool {
			if method == http.MethodDelete {
				archivetest.Refuse(w, http.StatusForbidden, "AccessDenied")
			}
			return method == http.MethodDelete
		}
		s := open(t, server.In("kept"))
		for range 100 {
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := server.Keys(), []string{"kept/.probe"}; !slices.Equal(got, want) {
			t.Errorf("conditions %s: 100 checks left %v, want %v", conditions, got, want)
		}
	}
}
