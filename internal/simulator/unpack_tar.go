package simulator

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"ksefworker/internal/simulator/fa"
)

// readTar opens a tar.gz, one gzip stream over a tar, and inspects each invoice in it, on all
// cores. At most one document for each core, and the next one, are in memory at once.
func (u *unpacker) readTar(archive io.ReadSeeker, f *fa.Form, acceptance time.Time, maxFiles int) packageResult {
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return u.broken(err)
	}
	stream, err := gzip.NewReader(archive)
	if err != nil {
		return packageResult{code: 430, details: "not a gzip stream"}
	}
	stream.Multistream(false)
	var (
		inspecting sync.WaitGroup
		cores      = make(chan struct{}, runtime.GOMAXPROCS(0))
		read       []*reading
		names      = map[string]bool{}
		unpacked   int64
	)
	defer inspecting.Wait()
	files := tar.NewReader(stream)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return packageResult{code: 430, details: "not a tar archive in a gzip stream"}
		}
		if len(read) == maxFiles {
			return packageResult{code: 420, details: fmt.Sprintf("more than the %d files that are allowed", maxFiles)}
		}
		if reason := badEntry(header.Name, header.FileInfo().Mode()); reason != "" || names[header.Name] {
			return packageResult{code: 430, details: cmp.Or(reason, "two files of one name")}
		}
		names[header.Name] = true
		content, large, err := readLimited(files, header.Size, u.opts.maxDocument())
		if unpacked += header.Size; err != nil || unpacked > maxUnpacked {
			return packageResult{code: 430, details: "a file of the archive is corrupt or the archive unpacks to too much"}
		}
		r := &reading{}
		read = append(read, r)
		cores <- struct{}{}
		inspecting.Go(func() {
			defer func() { <-cores }()
			*r = u.readFile(header.Name, content, large, f, acceptance)
		})
		if u.isStopped() {
			return packageResult{}
		}
	}
	// The checksum of the gzip stream comes after the end of the tar, so the rest is read to check
	// it.
	if _, err := io.Copy(io.Discard, io.LimitReader(stream, maxUnpacked)); err != nil {
		return packageResult{code: 430, details: "the gzip stream is corrupt"}
	}
	inspecting.Wait()
	result := packageResult{read: make([]reading, len(read))}
	for i, r := range read {
		result.read[i] = *r
	}
	return result
}

// readLimited reads a file up to limit bytes. large says that the file has more than limit bytes.
func readLimited(r io.Reader, size int64, limit int) (content []byte, large bool, err error) {
	content, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(content) > limit {
		return content[:limit], true, err
	}
	if err == nil && int64(len(content)) != size {
		err = io.ErrUnexpectedEOF
	}
	return content, false, err
}
