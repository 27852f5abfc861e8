package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
)

const (
	zipSuffix, indexSuffix = ".zip", ".jsonl"
	xmlSuffix, jsonSuffix  = ".xml", ".json"
)

// The content types of the two objects of a bundle.
const (
	ZIPType   = "application/zip"
	IndexType = "application/x-ndjson"
)

// entryTime is the time of every entry, so that the same invoices give the same bytes. It is the
// earliest time that a ZIP can hold.
var entryTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Invoice is what a bundle keeps of one invoice.
type Invoice struct {
	ID, Number, KsefNumber, IssueDate, Hash string
	Document, Result                        []byte
}

// Entry is a compressed invoice. It does not refer to the document and the result that it was made
// from, so their memory can be freed.
type Entry struct {
	line      Line
	xml, json []byte
}

// Size returns the bytes that the entry needs in a bundle, roughly.
func (e *Entry) Size() int64 {
	const headers = 2*(30+46+32) + 300 // of the ZIP, and a line of the index
	return int64(len(e.xml)+len(e.json)) + headers
}

// Measured on invoices of 8 KB, the fastest level takes a third of the default's time for a sixth
// more bytes.
var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level is a valid one
	return &deflater{w: w}
}}

// deflater compresses one part after the other.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// maxReused is the largest buffer of a deflater that is kept for the next part, in bytes.
const maxReused = 64 << 10

// Compress prepares an invoice for a bundle. Safe for concurrent use.
func Compress(inv Invoice) (Entry, error) {
	e := Entry{line: Line{ID: inv.ID, Number: inv.Number, KsefNumber: inv.KsefNumber, IssueDate: inv.IssueDate, Hash: inv.Hash}}
	var err error
	if e.xml, e.line.XML, err = compress(inv.Document); err == nil {
		e.json, e.line.JSON, err = compress(inv.Result)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("compress %s: %w", inv.ID, err)
	}
	return e, nil
}

func compress(data []byte) ([]byte, Part, error) {
	d := deflaters.Get().(*deflater)
	d.out.Reset()
	d.w.Reset(&d.out)
	if _, err := d.w.Write(data); err != nil {
		return nil, Part{}, err
	}
	if err := d.w.Close(); err != nil {
		return nil, Part{}, err
	}
	stored := bytes.Clone(d.out.Bytes())
	if d.out.Cap() <= maxReused {
		deflaters.Put(d)
	}
	return stored, Part{Stored: int64(len(stored)), Size: int64(len(data)), CRC: crc32.ChecksumIEEE(data)}, nil
}

// Bundle is a finished bundle. It is archived in two steps: first the ZIP, then the index, which
// names the ZIP. A process that dies between the two leaves a ZIP without an index. In that case
// readers make the index from the ZIP.
type Bundle struct {
	ZIP []byte
	Sum string // of the ZIP; a part of its name
	// lines lack the field Zip until Index sets it.
	lines []Line
}

// Make makes a bundle of some entries. The same entries give the same bytes, in whatever order they
// come. Make sorts the slice and takes the content out of the entries.
func Make(entries []Entry) (*Bundle, error) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.line.ID, b.line.ID) })
	size := int64(0)
	for i := range entries {
		size += entries[i].Size()
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	z := zip.NewWriter(out)
	b := &Bundle{lines: make([]Line, 0, len(entries))}
	for i := range entries {
		e := &entries[i]
		var err error
		if e.line.XML.At, err = addRaw(z, out, e.line.ID+xmlSuffix, e.xml, e.line.XML); err == nil {
			e.line.JSON.At, err = addRaw(z, out, e.line.ID+jsonSuffix, e.json, e.line.JSON)
		}
		if err != nil {
			return nil, fmt.Errorf("write %s into a bundle: %w", e.line.ID, err)
		}
		e.xml, e.json = nil, nil
		b.lines = append(b.lines, e.line)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("end a bundle: %w", err)
	}
	b.ZIP = out.Bytes()
	sum := sha256.Sum256(b.ZIP)
	b.Sum = hex.EncodeToString(sum[:8])
	return b, nil
}

// addRaw writes one entry and returns where its data begins.
func addRaw(z *zip.Writer, out *bytes.Buffer, name string, data []byte, p Part) (int64, error) {
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: entryTime, CRC32: p.CRC,
		CompressedSize64: uint64(p.Stored), UncompressedSize64: uint64(p.Size)})
	if err == nil {
		err = z.Flush()
	}
	if err != nil {
		return 0, err
	}
	at := int64(out.Len())
	_, err = w.Write(data)
	return at, err
}

// Name returns the name of the ZIP of a bundle that is archived on day, "2006-01-02".
func (b *Bundle) Name(nip, issueDate, day, pkg string) string {
	return archive.BundleName(nip, issueDate, day, pkg, b.Sum)
}

// Index returns name and content of the index of a ZIP that has this name in the archive.
func (b *Bundle) Index(zipName string) (name string, index []byte, err error) {
	inFolder, ok := strings.CutSuffix(zipName, zipSuffix)
	_, from, found := strings.Cut(zipName, folderPart)
	if !ok || !found {
		return "", nil, fmt.Errorf("%s is not the name of a bundle", zipName)
	}
	for i := range b.lines {
		b.lines[i].Zip = from
	}
	lines, err := encodeLines(b.lines)
	if err == nil {
		index, err = withHead(head{}, lines)
	}
	return inFolder + indexSuffix, index, err
}

// folderPart follows seller and month in the name of a bundle.
const folderPart = "/packages/"
