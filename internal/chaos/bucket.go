//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/archive/archivetest"
)

// bucket is an archive on an S3 service that can be made to hang: it takes connections and requests, and says nothing.
// Safe for concurrent use.
type bucket struct {
	s3  *archivetest.S3
	url string
	end func()

	mu   sync.Mutex
	hung chan struct{} // closed when the hang is over; nil while all is well
	held int           // requests that met a hang
}

func openBucket() (*bucket, error) {
	b := &bucket{}
	b.s3 = &archivetest.S3{Objects: map[string]archivetest.Object{}, ContentType: map[string]string{}, Conditions: "honoured"}
	b.s3.Intercept = func(_ http.ResponseWriter, _, _ string) bool {
		b.wait()
		return false
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: b.s3, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(listener) }() // ends with Close
	b.url, b.end = "http://"+listener.Addr().String(), func() { _ = srv.Close(); <-served }
	return b, nil
}

// wait holds a request up for as long as the hang lasts, and ends its connection then: what waited got no answer.
func (b *bucket) wait() {
	b.mu.Lock()
	hung := b.hung
	if hung != nil {
		b.held++
	}
	b.mu.Unlock()
	if hung == nil {
		return
	}
	<-hung
	panic(http.ErrAbortHandler)
}

// hang makes the service say nothing for d.
func (b *bucket) hang(ctx context.Context, d time.Duration) {
	over := make(chan struct{})
	b.mu.Lock()
	if b.hung != nil { // two spells overlap: the first one ends both
		b.mu.Unlock()
		return
	}
	b.hung = over
	b.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.hung = nil
	b.mu.Unlock()
	close(over)
}

func (b *bucket) struck() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// settings are the archive's in the workers' configuration.
func (b *bucket) settings(dir string) (string, error) {
	access, secret := filepath.Join(dir, "s3-access"), filepath.Join(dir, "s3-secret")
	err := errors.Join(writeOnce(access, archivetest.AccessKey), writeOnce(secret, archivetest.SecretKey))
	return fmt.Sprintf("{url: %q, region: eu-central-1, endpoint: %q, access_key_file: %q, secret_key_file: %q}",
		"s3://"+archivetest.Bucket, b.url, access, secret), err
}

// lay writes everything that is kept into a folder, where the judge reads it as any other archive. Nobody writes any
// more.
func (b *bucket) lay(dir string) error {
	for _, key := range b.s3.Keys() {
		if strings.HasPrefix(filepath.Base(key), ".") {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, b.s3.Objects[key].Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
