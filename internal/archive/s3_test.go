package archive_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	testAccess = "AKIDTEST"
	testSecret = "very-secret-key"
	testBucket = "receipts"
)

// s3Server speaks as much S3 as the archive does: objects of one bucket, path style, with the faults that a test sets.
type s3Server struct {
	*httptest.Server

	mu       sync.Mutex
	objects  map[string]s3Object
	requests []string // "PUT key"

	conditions  string                                                      // what If-None-Match does: "honoured", "ignored" or "refused"
	intercept   func(w http.ResponseWriter, method, key string) (done bool) // before anything is done
	afterwards  func(method, key string)                                    // when it was done, before the answer
	contentType map[string]string
}

type s3Object struct {
	data []byte
	hash string
}

func newS3(t testing.TB, conditions string) *s3Server {
	s := &s3Server{objects: map[string]s3Object{}, conditions: conditions, contentType: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *s3Server) url(prefix string) string {
	return "s3://" + testBucket + "/" + prefix + "?path_style=true&region=eu-central-1&endpoint=" + s.URL
}

func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readS3Body(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !strings.Contains(r.Header.Get("Authorization"), "Credential="+testAccess+"/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/s3/") {
		refuse(w, http.StatusForbidden, "AccessDenied")
		return
	}
	if bucket != testBucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	if s.intercept != nil && s.intercept(w, r.Method, key) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+key)
	object, exists := s.objects[key]
	switch r.Method {
	case http.MethodPut:
		if condition := r.Header.Get("If-None-Match"); condition != "" && s.conditions != "ignored" {
			if s.conditions == "refused" {
				refuse(w, http.StatusNotImplemented, "NotImplemented")
				return
			}
			if exists && condition == "*" {
				refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
				return
			}
		}
		s.objects[key] = s3Object{body, r.Header.Get("X-Amz-Meta-Sha256")}
		s.contentType[key] = r.Header.Get("Content-Type")
	case http.MethodDelete:
		delete(s.objects, key)
	case http.MethodGet, http.MethodHead:
		if !exists {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		if object.hash != "" {
			w.Header().Set("X-Amz-Meta-Sha256", object.hash)
		}
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(object.data)))
	}
	if s.afterwards != nil {
		s.afterwards(r.Method, key)
	}
	w.Header().Set("ETag", `"00000000000000000000000000000000"`)
	switch r.Method {
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet:
		_, _ = w.Write(object.data)
	}
}

// seen counts the requests of a method for a key, and empties the list.
func (s *s3Server) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

func (s *s3Server) change(key string, change func(*s3Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.objects[key]
	change(&object)
	s.objects[key] = object
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>said the service: %s</Message></Error>", code, code)
}

// readS3Body undoes the aws-chunked encoding, in which signed bodies travel over plain HTTP.
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
