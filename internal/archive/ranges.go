package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Ranger reads a part of an object. It is separate from Store, because only objects that hold many
// documents (see package bundle) are read in parts.
type Ranger interface {
	// GetRange returns up to n bytes of an object from an offset on, and the size of the whole
	// object. It returns fewer bytes at the end of the object, and none beyond it. The error is
	// ErrNotFound when nothing has this name. The caller checks the bytes.
	GetRange(ctx context.Context, name string, from, n int64) (part []byte, size int64, err error)
}

// RangeOf reads a part of an object of a store from [Open], or of one that [Owned] or [Guard] made
// of it.
func RangeOf(ctx context.Context, s Store, name string, from, n int64) ([]byte, int64, error) {
	r, ok := s.(Ranger)
	if !ok {
		return nil, 0, fmt.Errorf("get a part of %s: this archive has no parts of objects", name)
	}
	return r.GetRange(ctx, name, from, n)
}

func checkRange(name string, from, n int64) error {
	if from < 0 || n <= 0 || n > maxObjectSize {
		// Only a damaged index leads to such a call, so the store is not at fault. A NameError does
		// not count against the store.
		return &NameError{Name: name, Reason: fmt.Sprintf("no object has a part of %d bytes from %d on", n, from)}
	}
	return checkName(name)
}

// GetRange implements Ranger.
func (f *folder) GetRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	if err := checkRange(name, from, n); err != nil {
		return nil, 0, err
	}
	t, err := f.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	part, size, err := t.readRange(ctx, name, from, n)
	if err = t.readFault(name, f.after(t, err)); err != nil {
		return nil, 0, fmt.Errorf("get a part of %s: %w", name, err)
	}
	return part, size, nil
}

func (t *tree) readRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	file, info, err := t.openFile(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	n = min(n, max(0, info.Size()-from))
	allow(ctx, n)
	part := make([]byte, n)
	got, err := file.ReadAt(part, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return part[:got], info.Size(), err
}

// GetRange implements Ranger.
func (b *bucket) GetRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	if err := checkRange(name, from, n); err != nil {
		return nil, 0, err
	}
	part, size, err := b.readRange(ctx, name, from, n)
	if err != nil {
		return nil, 0, fmt.Errorf("get a part of %s: %w", b.URL(name), b.readFault(ctx, name, notFound(err)))
	}
	return part, size, nil
}

func (b *bucket) readRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	var o minio.GetObjectOptions
	if err := o.SetRange(from, from+n-1); err != nil {
		return nil, 0, err
	}
	body, _, header, err := b.core.GetObject(ctx, b.name, b.prefix+name, o)
	if status(err) == http.StatusRequestedRangeNotSatisfiable { // the object ends at the offset from, or before it
		info, err := b.core.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
		return nil, info.Size, err
	}
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	_, total, _ := strings.Cut(header.Get("Content-Range"), "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return nil, 0, errors.New("the service does not answer with a part of an object (Content-Range)")
	}
	n = min(n, max(0, size-from))
	allow(ctx, n)
	part, err := readAll(body, n)
	return part, size, err
}

// GetRange implements Ranger.
func (g *guard) GetRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	var part []byte
	var size int64
	err := g.do(ctx, "get a part of "+name, name, g.timeout, func(ctx context.Context) (err error) {
		part, size, err = RangeOf(ctx, g.Store, name, from, n)
		return err
	})
	if err != nil {
		return nil, 0, err // the goroutine that was left behind may still write the results
	}
	return part, size, nil
}

// GetRange implements Ranger.
func (s *OwnedStore) GetRange(ctx context.Context, name string, from, n int64) ([]byte, int64, error) {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return nil, 0, err
	}
	return RangeOf(ctx, s.Store, name, from, n)
}

var (
	_ Ranger = (*folder)(nil)
	_ Ranger = (*bucket)(nil)
	_ Ranger = (*guard)(nil)
	_ Ranger = (*OwnedStore)(nil)
)
