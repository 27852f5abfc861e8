package pack_test

import (
	"archive/zip"
	"io"
	"os"
	"testing"

	"ksefworker/internal/pack"
)

// bigTest is the environment variable that turns on the test that needs 4.5 GB of disk.
const bigTest = "PACK_BIG_TEST"

func TestBuild_Over4GB_IsReadableWithZip64OnlyWhereNeeded(t *testing.T) {
	if os.Getenv(bigTest) == "" {
		t.Skip("writes 4.5 GB; set " + bigTest + "=1 to run it")
	}
	p := build(t, noise(4_400_000_000, 1_000_000), pack.Options{Dir: t.TempDir(), Encrypter: plain, PartSize: 100_000_000})
	defer p.Remove()
	whole, err := openParts(p)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(whole, p.Size)
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != p.Entries || p.Size < 1<<32 {
		t.Fatalf("the ZIP has %d entries in %d bytes, want the %d that were built, in more than 4 GB", len(z.File), p.Size, p.Entries)
	}
	for i, f := range z.File {
		offset, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		if far := offset > 1<<32; far != (f.ReaderVersion == 45) || far != (len(f.Extra) > 0) {
			t.Errorf("entry %d at %d needs version %d and has %d bytes of extra fields, want version 45 and extra fields only beyond 4 GB",
				i, offset, f.ReaderVersion, len(f.Extra))
		}
		if i%500 != 0 && i < len(z.File)-10 {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != 1_000_000 {
			t.Errorf("entry %d: %d bytes and error %v, want 1000000 bytes and none", i, n, err)
		}
	}
}

// plain encrypts nothing, so that the test can read the ZIP from the part files.
func plain(w io.Writer) io.WriteCloser { return plainWriter{w} }

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// parts reads a ZIP across the files of its parts.
type parts struct {
	size  int64
	files []*os.File
}

func openParts(p *pack.Package) (*parts, error) {
	all := &parts{size: p.Parts[0].Size}
	for _, part := range p.Parts {
		f, err := part.Open()
		if err != nil {
			return nil, err
		}
		all.files = append(all.files, f)
	}
	return all, nil
}

func (p *parts) ReadAt(b []byte, offset int64) (int, error) {
	n := 0
	for n < len(b) {
		at := offset + int64(n)
		index := int(at / p.size)
		if index >= len(p.files) {
			return n, io.EOF
		}
		length := min(int64(len(b)-n), p.size-at%p.size)
		m, err := p.files[index].ReadAt(b[n:n+int(length)], at%p.size)
		n += m
		if err != nil && (err != io.EOF || m == 0) {
			return n, err
		}
	}
	return n, nil
}
