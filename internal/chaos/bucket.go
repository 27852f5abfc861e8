//go:build unix

package chaos

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ksefworker/config"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/testbed"
)

// bucket is an archive on an S3 service that can be made to hang. While it hangs, it takes
// connections and requests and does not answer. Safe for concurrent use.
type bucket struct {
	s3             *archivetest.S3
	url            string
	access, secret string // paths of the key files
	stop           func() error

	mu   sync.Mutex
	hung chan struct{} // closed when the hang is over; nil while there is none
	held int           // requests that met a hang
}

// openBucket starts the service and writes its key files into a folder.
func openBucket(dir string) (*bucket, error) {
	b := &bucket{access: filepath.Join(dir, "s3-access"), secret: filepath.Join(dir, "s3-secret")}
	err := errors.Join(
		os.WriteFile(b.access, []byte(archivetest.AccessKey), 0o600),
		os.WriteFile(b.secret, []byte(archivetest.SecretKey), 0o600))
	if err != nil {
		return nil, err
	}
	b.s3 = &archivetest.S3{Objects: map[string]archivetest.Object{}, ContentType: map[string]string{}, Conditions: "honoured"}
	b.s3.Intercept = func(_ http.ResponseWriter, _, _ string) bool {
		b.hold()
		return false
	}
	b.url, b.stop, err = testbed.Serve(b.s3)
	return b, err
}

func (b *bucket) close() { _ = b.stop() }

// hold keeps a request until the hang is over. Then it ends the connection without an answer.
func (b *bucket) hold() {
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

// hang keeps every request for d. A call during another hang returns at once and changes nothing.
func (b *bucket) hang(ctx context.Context, d time.Duration) {
	over := make(chan struct{})
	b.mu.Lock()
	if b.hung != nil {
		b.mu.Unlock()
		return
	}
	b.hung = over
	b.mu.Unlock()
	_ = pause(ctx, d)
	b.mu.Lock()
	b.hung = nil
	b.mu.Unlock()
	close(over)
}

// heldUp returns how many requests met a hang.
func (b *bucket) heldUp() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// configure makes the bucket the workers' archive.
func (b *bucket) configure(a *config.Archive) {
	a.URL, a.Region, a.Endpoint = "s3://"+archivetest.Bucket, "eu-central-1", b.url
	a.AccessKeyFile, a.SecretKeyFile = b.access, b.secret
}

// copyTo writes every object into a folder, where the audit reads it like any other archive. It
// must be called when nobody writes to the bucket any more.
func (b *bucket) copyTo(dir string) error {
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
