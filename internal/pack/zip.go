package pack

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
)

const (
	localHeaderSize     = 30
	directoryEntrySize  = 46
	directoryOffset64   = 28 // the zip64 extra field of a directory entry whose data begins beyond 4 GB
	directoryEndSize    = 22
	directoryEnd64Size  = 56 + 20
	flagUTF8            = 0x800
	version20           = 20
	version45           = 45       // zip64
	firstDOSDate        = 1<<5 | 1 // 1 January 1980: another fixed date would look like a real one
	maxEntrySize        = 1 << 30  // far over any invoice; keeps entry sizes out of zip64
	maxPlain32          = math.MaxUint32
	maxDirectoryRecords = math.MaxUint16
)

// archive writes the ZIP and predicts its final size before each entry.
//
// It compresses each entry in memory and then writes the result raw, so that the local header has
// checksum and sizes. A streaming writer would put zeros there and append data descriptors. Strict
// unpackers refuse data descriptors, and a reader of the stream could not see the sizes. zip64
// records appear only when the package is over 4 GB or has at least 65,535 entries.
type archive struct {
	zip        *zip.Writer
	deflate    *flate.Writer
	compressed bytes.Buffer
	entries    int
	offset     int64 // where the next local header goes
	directory  int64 // size of the directory so far
}

func newArchive(w io.Writer, level int) (*archive, error) {
	deflate, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		return nil, err
	}
	return &archive{zip: zip.NewWriter(w), deflate: deflate}, nil
}

// add writes one entry. When the finished ZIP would have more than capacity bytes it writes nothing
// and returns a *FullError.
func (a *archive) add(e Entry, capacity int64) error {
	if len(e.Data) > maxEntrySize {
		return &FullError{Name: e.Name, Fits: a.entries, Unit: "bytes", Limit: maxEntrySize}
	}
	if err := a.compress(e.Data); err != nil {
		return fmt.Errorf("compress entry %q: %w", e.Name, err)
	}
	offset := a.offset + localHeaderSize + int64(len(e.Name)) + int64(a.compressed.Len())
	directory := a.directory + directoryEntrySize + int64(len(e.Name))
	if a.offset >= maxPlain32 {
		directory += directoryOffset64
	}
	if zipSize(offset, directory, a.entries+1) > capacity {
		return &FullError{Name: e.Name, Fits: a.entries, Unit: "bytes", Limit: capacity}
	}
	w, err := a.zip.CreateRaw(a.header(e))
	if err == nil {
		_, err = w.Write(a.compressed.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write entry %q: %w", e.Name, err)
	}
	a.entries, a.offset, a.directory = a.entries+1, offset, directory
	return nil
}

// count returns how many entries were added.
func (a *archive) count() int { return a.entries }

// close writes the directory. The caller's writer stays open.
func (a *archive) close() error {
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("write zip directory: %w", err)
	}
	return nil
}

// size returns the size of the finished ZIP if nothing more is added.
func (a *archive) size() int64 { return zipSize(a.offset, a.directory, a.entries) }

func zipSize(offset, directory int64, entries int) int64 {
	size := offset + directory + directoryEndSize
	if offset >= maxPlain32 || directory >= maxPlain32 || entries >= maxDirectoryRecords {
		size += directoryEnd64Size
	}
	return size
}

func (a *archive) compress(data []byte) error {
	a.compressed.Reset()
	a.deflate.Reset(&a.compressed)
	if _, err := a.deflate.Write(data); err != nil {
		return err
	}
	return a.deflate.Close()
}

// header sets the deprecated DOS date on purpose, because CreateRaw writes this date and ignores
// Modified.
func (a *archive) header(e Entry) *zip.FileHeader {
	h := &zip.FileHeader{
		Name:               e.Name,
		CreatorVersion:     version20,
		ReaderVersion:      version20,
		Method:             zip.Deflate,
		ModifiedDate:       firstDOSDate, //lint:ignore SA1019 the field that CreateRaw writes
		CRC32:              crc32.ChecksumIEEE(e.Data),
		CompressedSize64:   uint64(a.compressed.Len()),
		UncompressedSize64: uint64(len(e.Data)),
	}
	if a.offset >= maxPlain32 {
		h.ReaderVersion = version45
	}
	for _, b := range []byte(e.Name) {
		if b >= 0x80 {
			h.Flags = flagUTF8
			break
		}
	}
	return h
}
