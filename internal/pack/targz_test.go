package pack_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ksefworker/internal/pack"
)

// untar reads a tar.gz with the standard library. It fails the test unless data is one gzip stream,
// to the last byte.
func untar(t tester, data []byte) (entries []pack.Entry) {
	t.Helper()
	source := bytes.NewReader(data)
	z, err := gzip.NewReader(source)
	if err != nil {
		t.Fatalf("read gzip: %v", err)
	}
	z.Multistream(false)
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("read tar: %v", err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("read %s: %v", h.Name, err)
		}
		if h.Typeflag != tar.TypeReg {
			t.Fatalf("the entry %s is of type %q, want a file", h.Name, h.Typeflag)
		}
		entries = append(entries, pack.Entry{Name: h.Name, Data: content})
	}
	if rest, err := io.ReadAll(z); err != nil || len(bytes.Trim(rest, "\x00")) > 0 || source.Len() > 0 {
		t.Fatalf("after the tar come %d bytes (error %v), want zeros only; after the gzip stream come %d, want none",
			len(rest), err, source.Len())
	}
	return entries
}

func TestBuildTarGz_AnyEntriesAndPartSize_AreReadBackUnchanged(t *testing.T) {
	spool := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-ząęł0-9_-]{1,120}\.xml`), 1, 20, rapid.ID).Draw(t, "names")
		var want []pack.Entry
		for _, name := range names {
			want = append(want, pack.Entry{Name: name, Data: append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 1500).Draw(t, "data")...)})
		}
		o := pack.Options{
			Dir: spool, Format: pack.TarGz, PartSize: rapid.Int64Range(300, 50_000).Draw(t, "part size"),
			MaxParts: 100_000, Encrypter: sealCBC,
		}
		p, err := pack.Build(context.Background(), entriesOf(want...), o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Remove()
		if diff := cmp.Diff(want, untar(t, unpack(t, p, o.PartSize))); diff != "" || p.Entries != len(want) {
			t.Fatalf("Entries = %d, want %d; what was read back differs (-want +got):\n%s", p.Entries, len(want), diff)
		}
	})
	if left := leftovers(t, spool); len(left) > 0 {
		t.Errorf("Remove left %v in the spool", left)
	}
}

func TestBuildTarGz_SameEntriesTwice_SameBytes(t *testing.T) {
	build := func() [32]byte {
		p, err := pack.Build(context.Background(), entriesOf(pack.Entry{
			Name: "a.xml", Data: []byte("a"),
		}, pack.Entry{Name: "b.xml", Data: []byte("b")}),
			pack.Options{Dir: t.TempDir(), Format: pack.TarGz, Encrypter: sealCBC})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Remove()
		return p.Hash
	}
	if first, second := build(), build(); first != second {
		t.Error("the same entries give other bytes the second time")
	}
}

// Whatever the entries compress to, the archive never grows beyond its bounds, and comes near them.
func TestBuildTarGz_NoMoreRoom_TheArchiveStaysWithinItsBounds(t *testing.T) {
	const most = 60_000
	for _, c := range []struct {
		what   string
		random int // bytes of each entry that cannot be compressed
		alike  int
	}{{"random", 3000, 0}, {"alike", 100, 6000}, {"both", 1000, 3000}} {
		made := func(n int) []pack.Entry {
			r := rand.New(rand.NewPCG(1, 2))
			var all []pack.Entry
			for i := range n {
				data := bytes.Repeat([]byte("<FaWiersz>"), c.alike/10)
				for range c.random {
					data = append(data, byte(r.Uint32()))
				}
				all = append(all, pack.Entry{Name: fmt.Sprintf("%d.xml", i), Data: data})
			}
			return all
		}
		o := pack.Options{Dir: t.TempDir(), Format: pack.TarGz, PartSize: 20_000, MaxParts: 3, Encrypter: sealCBC}
		_, err := pack.Build(context.Background(), entriesOf(made(2000)...), o)
		full, ok := errors.AsType[*pack.FullError](err)
		if !ok || full.Unit != "bytes" || full.Limit != most || full.Fits == 0 {
			t.Fatalf("%s: %v, want a FullError with the limit of %d bytes, and with some entries that fit", c.what, err, most)
		}
		p, err := pack.Build(context.Background(), entriesOf(made(full.Fits)...), o)
		if err != nil {
			t.Fatalf("%s: the FullError says that %d entries fit, but they cannot be built: %v", c.what, full.Fits, err)
		}
		if p.Size > most || p.Size < most*3/4 || len(p.Parts) > 3 {
			t.Errorf("%s: %d bytes in %d parts, want %d to %d bytes in at most 3 parts", c.what, p.Size, len(p.Parts), most*3/4, most)
		}
		if got := untar(t, unpack(t, p, o.PartSize)); len(got) != full.Fits {
			t.Errorf("%s: %d entries, want %d", c.what, len(got), full.Fits)
		}
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
	}
}
