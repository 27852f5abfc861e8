// Package archivetest provides an S3 service for tests. It is separate from archive so that no
// program links the testing package.
package archivetest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The keys and the bucket that the service accepts.
const (
	AccessKey = "AKIDTEST"
	SecretKey = "very-secret-key"
	Bucket    = "receipts"
)

// S3 is an S3 service with the operations that the archive uses, in path style. It has the objects
// of one bucket and the faults that a test sets.
type S3 struct {
	*httptest.Server

	// Conditions is how the service treats If-None-Match: "honoured", "ignored" or "refused". Set
	// it and the two functions before the first request.
	Conditions string
	// Intercept is called before a request is carried out. It may answer the request and return
	// true.
	Intercept func(w http.ResponseWriter, method, key string) (done bool)
	// Afterwards is called after a request was carried out and before it is answered, but not for a
	// list.
	Afterwards func(method, key string)

	// Objects has the stored objects, and ContentType their content types, by key. Use them only
	// while no request is running.
	Objects     map[string]Object
	ContentType map[string]string

	mu       sync.Mutex
	requests []string // "PUT key"
}

// Object is one stored object. Hash is the SHA-256 that its metadata states; "" when the metadata
// states none.
type Object struct {
	Data []byte
	Hash string
}

// NewS3 starts a service that stops when the test ends.
func NewS3(t testing.TB, conditions string) *S3 {
	s := &S3{Objects: map[string]Object{}, Conditions: conditions, ContentType: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// In returns the URL of a folder in the bucket, with its parameters, for archive.Open.
func (s *S3) In(prefix string) string {
	return "s3://" + Bucket + "/" + prefix + "?path_style=true&region=eu-central-1&endpoint=" + s.URL
}

// ServeHTTP implements http.Handler.
func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readS3Body(r)
	if err != nil {
		Refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	signed := r.Header.Get("Authorization")
	if !strings.Contains(signed, "Credential="+AccessKey+"/") || !strings.Contains(signed, "/eu-central-1/s3/") {
		Refuse(w, http.StatusForbidden, "AccessDenied")
		return
	}
	if bucket != Bucket {
		Refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	if s.Intercept != nil && s.Intercept(w, r.Method, key) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+key)
	if r.Method == http.MethodGet && key == "" && r.URL.Query().Get("list-type") == "2" {
		s.list(w, r.URL.Query())
		return
	}
	object, exists := s.Objects[key]
	switch r.Method {
	case http.MethodPut:
		if condition := r.Header.Get("If-None-Match"); condition != "" && s.Conditions != "ignored" {
			if s.Conditions == "refused" {
				Refuse(w, http.StatusNotImplemented, "NotImplemented")
				return
			}
			if exists && condition == "*" {
				Refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
				return
			}
		}
		s.Objects[key] = Object{body, r.Header.Get("X-Amz-Meta-Sha256")}
		s.ContentType[key] = r.Header.Get("Content-Type")
	case http.MethodDelete:
		delete(s.Objects, key)
	case http.MethodGet, http.MethodHead:
		if !exists {
			Refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		if object.Hash != "" {
			w.Header().Set("X-Amz-Meta-Sha256", object.Hash)
		}
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(object.Data)))
		}
	}
	if s.Afterwards != nil {
		s.Afterwards(r.Method, key)
	}
	w.Header().Set("ETag", `"00000000000000000000000000000000"`)
	switch r.Method {
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet:
		s.answer(w, r, object.Data)
	}
}

// answer writes an object, or the part of it that was asked for.
func (s *S3) answer(w http.ResponseWriter, r *http.Request, data []byte) {
	size := len(data)
	if asked := r.Header.Get("Range"); asked != "" {
		var from, to int
		if _, err := fmt.Sscanf(asked, "bytes=%d-%d", &from, &to); err != nil || from >= size {
			Refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		to = min(to, size-1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
		data = data[from : to+1]
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if len(data) < size {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(data)
}

// Keys returns the keys of the stored objects in order.
func (s *S3) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.Objects))
}

// Take returns the requests that were carried out since the last call of Take, each as "METHOD
// key".
func (s *S3) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

// Change changes one stored object. Safe while requests are running.
func (s *S3) Change(key string, change func(*Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.Objects[key]
	change(&object)
	s.Objects[key] = object
}

// Refuse answers with an error as S3 does.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the service refuses: %s</Message></Error>", code, code)
}

// readS3Body decodes the aws-chunked encoding that signed bodies have over plain HTTP.
func readS3Body(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	in, out := bufio.NewReader(r.Body), bytes.Buffer{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		length, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(length, 16, 64)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			_, err := io.Copy(io.Discard, in)
			if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(out.Len()) {
				return nil, fmt.Errorf("%d bytes, %s announced", out.Len(), want)
			}
			return out.Bytes(), err
		}
		if _, err := io.CopyN(&out, in, n); err != nil {
			return nil, err
		}
		if _, err := in.Discard(2); err != nil {
			return nil, err
		}
	}
}
