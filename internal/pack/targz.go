package pack

import (
	"archive/tar"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	tarBlock = 512
	tarEnd   = 2 * tarBlock // zeros at the end of a tar
	// gzipFrame is more than the header and trailer of a gzip stream and the marks of one flush.
	gzipFrame = 64
)

// tarball writes a tar archive as one gzip stream. The invoices are alike, so compressing them
// together makes the stream smaller than a ZIP. An ASCII name of up to 100 bytes needs no extra
// record. Every entry has the Unix epoch as its time, so that the same entries give the same bytes.
//
// The length of the stream is known only after a flush. Each flush costs a few bytes, so tarball
// flushes only near the capacity.
type tarball struct {
	tar     *tar.Writer
	gzip    *gzip.Writer
	out     counter // what has left the compressor
	entries int
	pending int64 // upper bound of the bytes that the compressor got since the last flush
}

// counter counts the bytes that pass.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func newTarball(w io.Writer, level int) (*tarball, error) {
	t := &tarball{out: counter{w: w}}
	var err error
	if t.gzip, err = gzip.NewWriterLevel(&t.out, level); err != nil {
		return nil, err
	}
	t.tar = tar.NewWriter(t.gzip)
	return t, nil
}

// longest returns the largest size that n bytes may have after compression. Deflate stores
// incompressible data in blocks, each five bytes longer than its content. Package flate makes
// blocks of at least 16 kB.
func longest(n int64) int64 { return n + 5*(n/(16<<10)+1) + gzipFrame }

// add implements archiver.
func (t *tarball) add(e Entry, capacity int64) error {
	if len(e.Data) > maxEntrySize {
		return &FullError{Name: e.Name, Fits: t.entries, Unit: "bytes", Limit: maxEntrySize}
	}
	// A name that is long or not ASCII needs two more headers. The data is padded to a whole block.
	size := int64(len(e.Data)) + 4*tarBlock + 2*int64(len(e.Name))
	fits := func() bool { return t.out.n+longest(t.pending+size+tarEnd) <= capacity }
	if !fits() {
		if err := t.flush(); err != nil {
			return err
		}
		if !fits() {
			return &FullError{Name: e.Name, Fits: t.entries, Unit: "bytes", Limit: capacity}
		}
	}
	err := t.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.Name, Size: int64(len(e.Data)), Mode: 0o600,
		ModTime: time.Unix(0, 0)})
	if err == nil {
		_, err = t.tar.Write(e.Data)
	}
	if err != nil {
		return fmt.Errorf("write entry %q: %w", e.Name, err)
	}
	t.entries++
	t.pending += size
	return nil
}

// flush makes the length of the stream known.
func (t *tarball) flush() error {
	if t.pending == 0 {
		return nil
	}
	if err := t.tar.Flush(); err != nil {
		return fmt.Errorf("write tar: %w", err)
	}
	if err := t.gzip.Flush(); err != nil {
		return fmt.Errorf("write gzip: %w", err)
	}
	t.pending = 0
	return nil
}

func (t *tarball) count() int { return t.entries }

func (t *tarball) size() int64 { return t.out.n }

// close implements archiver.
func (t *tarball) close() error {
	if err := t.tar.Close(); err != nil {
		return fmt.Errorf("write end of tar: %w", err)
	}
	if err := t.gzip.Close(); err != nil {
		return fmt.Errorf("write end of gzip: %w", err)
	}
	return nil
}
