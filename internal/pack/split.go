package pack

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

const partBuffer = 128 << 10

// splitter receives the archive, hashes it, and cuts it into encrypted parts. It creates the file
// of a part when the part's first byte arrives. So an archive whose length is a multiple of the
// part size has no empty last part.
type splitter struct {
	dir     string
	size    int64 // of a part
	encrypt func(io.Writer) io.WriteCloser
	plain   hash.Hash
	buffer  *bufio.Writer // one for all parts
	total   int64
	current *partWriter
	parts   []Part
}

func newSplitter(dir string, size int64, encrypt func(io.Writer) io.WriteCloser) *splitter {
	return &splitter{
		dir: dir, size: size, encrypt: encrypt,
		plain: sha256.New(), buffer: bufio.NewWriterSize(nil, partBuffer),
	}
}

func (s *splitter) Write(p []byte) (int, error) {
	s.plain.Write(p)
	s.total += int64(len(p))
	written := 0
	for written < len(p) {
		if s.current == nil {
			if err := s.next(); err != nil {
				return written, err
			}
		}
		n := min(int64(len(p)-written), s.size-s.current.plain)
		if _, err := s.current.Write(p[written : written+int(n)]); err != nil {
			return written, err
		}
		written += int(n)
		if s.current.plain == s.size {
			if err := s.finish(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// Close finishes the last part.
func (s *splitter) Close() error {
	if s.current == nil {
		return nil
	}
	return s.finish()
}

// abort closes the file of an unfinished part; the caller removes it with the folder.
func (s *splitter) abort() {
	if s.current != nil {
		_ = s.current.file.Close()
	}
}

func (s *splitter) next() error {
	ordinal := len(s.parts) + 1
	path := filepath.Join(s.dir, fmt.Sprintf("part-%03d.zip.aes", ordinal))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return spoolError(fmt.Errorf("create part %d: %w", ordinal, err))
	}
	s.current = newPartWriter(ordinal, file, s.buffer, s.encrypt)
	return nil
}

func (s *splitter) finish() error {
	part, err := s.current.finish()
	s.current = nil
	if err != nil {
		return err
	}
	s.parts = append(s.parts, part)
	return nil
}

// partWriter writes one part through the encrypter and a buffer to the hash and the file. The
// buffer comes after the encrypter, because CBC implementations write pieces of any size and the
// file should be written in large ones.
type partWriter struct {
	ordinal int
	file    *os.File
	plain   int64 // bytes before encryption
	sealed  int64 // bytes after encryption
	hash    hash.Hash
	buffer  *bufio.Writer
	encrypt io.WriteCloser
}

func newPartWriter(ordinal int, file *os.File, buffer *bufio.Writer, encrypt func(io.Writer) io.WriteCloser) *partWriter {
	p := &partWriter{ordinal: ordinal, file: file, hash: sha256.New(), buffer: buffer}
	buffer.Reset(sealedBytes{p}) // also drops the error and the bytes of a failed part
	p.encrypt = encrypt(buffer)
	return p
}

func (p *partWriter) Write(b []byte) (int, error) {
	n, err := p.encrypt.Write(b)
	p.plain += int64(n)
	if err != nil {
		return n, fmt.Errorf("write part %d: %w", p.ordinal, err)
	}
	return n, nil
}

func (p *partWriter) finish() (Part, error) {
	err := p.encrypt.Close()
	if err == nil {
		err = p.buffer.Flush()
	}
	// Close is part of writing, because a full network disk may report its error only on Close.
	if err = errors.Join(err, spoolError(p.file.Close())); err != nil {
		return Part{}, fmt.Errorf("write part %d: %w", p.ordinal, err)
	}
	part := Part{Ordinal: p.ordinal, Size: p.sealed, path: p.file.Name()}
	p.hash.Sum(part.Hash[:0])
	return part, nil
}

type sealedBytes struct{ p *partWriter }

func (s sealedBytes) Write(b []byte) (int, error) {
	n, err := s.p.file.Write(b)
	s.p.hash.Write(b[:n])
	s.p.sealed += int64(n)
	return n, spoolError(err)
}
