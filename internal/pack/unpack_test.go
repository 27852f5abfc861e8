package pack_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ksefworker/internal/pack"
)

// unpack reverses Build with the standard library. It checks the declared size and hash of each
// part, decrypts the parts, and joins them to the ZIP. It also checks the declared size and hash of
// the ZIP, and returns the bytes of the ZIP.
func unpack(t tester, p *pack.Package, partSize int64) []byte {
	t.Helper()
	var plain bytes.Buffer
	for i, part := range p.Parts {
		if part.Ordinal != i+1 {
			t.Fatalf("the part at index %d has the ordinal %d, want %d", i, part.Ordinal, i+1)
		}
		sealed := readPart(t, part)
		if int64(len(sealed)) != part.Size || sha256.Sum256(sealed) != part.Hash {
			t.Fatalf("part %d: %d bytes on disk, %d declared; or its hash is wrong", part.Ordinal, len(sealed), part.Size)
		}
		opened, err := openCBC(sealed)
		if err != nil {
			t.Fatalf("part %d does not decrypt by itself: %v", part.Ordinal, err)
		}
		last := i == len(p.Parts)-1
		if n := int64(len(opened)); !last && n != partSize || last && (n == 0 || n > partSize) {
			t.Fatalf("part %d of %d has %d plain bytes, want %d, or fewer in the last part", part.Ordinal, len(p.Parts), n, partSize)
		}
		plain.Write(opened)
	}
	if int64(plain.Len()) != p.Size || sha256.Sum256(plain.Bytes()) != p.Hash {
		t.Fatalf("the ZIP has %d bytes, %d declared; or its hash is wrong", plain.Len(), p.Size)
	}
	return plain.Bytes()
}

// unzip returns the entries of a ZIP in the order of its directory.
func unzip(t tester, data []byte) (entries []pack.Entry) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("read zip: %v", err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatalf("open %s: %v", f.Name, err)
		}
		content, err := io.ReadAll(r) // checks the CRC at the end
		if err != nil {
			t.Fatalf("read %s: %v", f.Name, err)
		}
		entries = append(entries, pack.Entry{Name: f.Name, Data: content})
	}
	return entries
}

func readPart(t tester, part pack.Part) []byte {
	t.Helper()
	f, err := part.Open()
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return data
}

// tester is the part of testing.T and rapid.T that these helpers need.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func leftovers(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if path != dir {
			names = append(names, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return names
}
