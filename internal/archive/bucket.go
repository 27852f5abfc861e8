package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"
)

const (
	hashKey       = "Sha256"  // user metadata of every object; Get checks it, and it allows comparing without a download
	maxObjectSize = 512 << 20 // far above the largest receipt (10,000 entries); bounds the memory for one object
	probeName     = ".probe"  // an object of the archive itself; see bucket_check.go
)

var probe = []byte("probe")

// bucket is the S3 back end. A PUT that was answered is durable, so Flush has nothing to do.
type bucket struct {
	core   *minio.Core
	idle   func()
	name   string
	prefix string // "" or ends in "/"

	mu         sync.Mutex
	conditions *bool // whether the service honors If-None-Match; nil while unknown
	probed     bool  // this process has written the probe
}

func (b *bucket) Put(ctx context.Context, name string, data []byte, contentType string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := b.put(ctx, name, data, contentType); err != nil {
		return fmt.Errorf("put %s: %w", b.URL(name), err)
	}
	return nil
}

// put writes only if the name is free. With a service that honors If-None-Match, one request is
// enough for this. For other services put reads first. There, two processes that put different
// bytes under one new name at the same instant may both succeed, and the later bytes remain.
func (b *bucket) put(ctx context.Context, name string, data []byte, contentType string) error {
	conditional, err := b.conditional(ctx)
	if err != nil {
		return err
	}
	if !conditional {
		if err := b.compare(ctx, name, data); !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	err = b.write(ctx, name, data, contentType, conditional)
	if status(err) == http.StatusPreconditionFailed {
		// The name is taken, by other bytes or by the same ones. The same ones may even be from an
		// earlier try of this call whose answer was lost.
		return b.compare(ctx, name, data)
	}
	return err
}

// Replace is one plain PUT, which is atomic in S3.
func (b *bucket) Replace(ctx context.Context, name string, data []byte, contentType string) error {
	if err := checkReplaceable(name); err != nil {
		return err
	}
	if err := b.write(ctx, name, data, contentType, false); err != nil {
		return fmt.Errorf("replace %s: %w", b.URL(name), err)
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	data, err := b.read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", b.URL(name), b.readFault(ctx, name, err))
	}
	return data, nil
}

// readFault returns the error of reading an object. The service may refuse one object only, such as
// one with rights of its own, or one that was moved to a storage class from which nothing can be
// read at once. If it does not refuse the probe too, the object counts as damaged. A document that
// waits to be sent never counts as damaged here; folders treat such documents in the same way.
func (b *bucket) readFault(ctx context.Context, name string, err error) error {
	if status(err) != http.StatusForbidden || strings.HasPrefix(name, bodiesPrefix) {
		return err
	}
	if probed := b.readProbe(ctx); probed != nil && !errors.Is(probed, ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: it cannot be opened: %w", ErrCorrupt, err)
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	if err := checkRemovable(name); err != nil {
		return err
	}
	err := b.core.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err != nil && status(err) != http.StatusNotFound {
		return fmt.Errorf("remove %s: %w", b.URL(name), err)
	}
	return nil
}

func (b *bucket) Flush(ctx context.Context, _ ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// URL returns the form that S3 tools accept. The name is not escaped, because these tools would not
// unescape it.
func (b *bucket) URL(name string) string { return "s3://" + b.name + "/" + b.prefix + name }

func (b *bucket) Close() error {
	b.idle()
	return nil
}

func (b *bucket) write(ctx context.Context, name string, data []byte, contentType string, onlyNew bool) error {
	sum := sha256.Sum256(data)
	o := minio.PutObjectOptions{
		ContentType:      contentType,
		UserMetadata:     map[string]string{hashKey: hex.EncodeToString(sum[:])},
		DisableMultipart: true, // one request is atomic; a killed process would leave parts behind
	}
	if onlyNew {
		o.SetMatchETagExcept("*")
	}
	_, err := b.core.Client.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(data), int64(len(data)), o)
	return err
}

func (b *bucket) read(ctx context.Context, name string) ([]byte, error) {
	body, info, _, err := b.core.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, notFound(err)
	}
	defer body.Close()
	allow(ctx, info.Size)
	data, err := readAll(body, info.Size)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if want := info.UserMetadata[hashKey]; want != "" && want != hex.EncodeToString(sum[:]) {
		return nil, ErrCorrupt
	}
	return data, nil
}

// compare returns nil when the object has these bytes, ErrConflict when it has others, and
// ErrNotFound when there is no object.
func (b *bucket) compare(ctx context.Context, name string, data []byte) error {
	info, err := b.core.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return notFound(err)
	}
	sum := sha256.Sum256(data)
	switch stored := info.UserMetadata[hashKey]; {
	case stored == hex.EncodeToString(sum[:]) && info.Size == int64(len(data)):
		return nil
	case stored != "" || info.Size != int64(len(data)):
		return ErrConflict
	}
	held, err := b.read(ctx, name) // another program wrote it, without our hash
	if err != nil {
		return err
	}
	if !bytes.Equal(held, data) {
		return ErrConflict
	}
	return nil
}

// status returns the HTTP status of an answer of the service; 0 when there was no answer.
func status(err error) int {
	var response minio.ErrorResponse
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

// notFound turns a missing object into ErrNotFound. A missing bucket stays an error, because it is
// a wrong setting.
func notFound(err error) error {
	if status(err) == http.StatusNotFound && minio.ToErrorResponse(err).Code != minio.NoSuchBucket {
		return ErrNotFound
	}
	return err
}
