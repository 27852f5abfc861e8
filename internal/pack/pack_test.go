package pack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ksefworker/internal/pack"
)

func TestBuild_AnyEntriesAndPartSize_AreReadBackUnchanged(t *testing.T) {
	spool := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-ząęł0-9_-]{1,12}\.xml`), 1, 20, rapid.ID).Draw(t, "names")
		var want []pack.Entry
		for _, name := range names {
			data := rapid.SliceOfN(rapid.Byte(), 0, 1500).Draw(t, "data")
			if rapid.Bool().Draw(t, "compressible") {
				data = bytes.Repeat(append(data, "<FaWiersz>"...), 5)
			}
			want = append(want, pack.Entry{Name: name, Data: append([]byte{}, data...)})
		}
		o := pack.Options{
			Dir:       spool,
			PartSize:  rapid.Int64Range(300, 50_000).Draw(t, "part size"),
			MaxParts:  100_000,
			Encrypter: sealCBC,
			Level:     rapid.IntRange(0, 9).Draw(t, "level"),
		}
		p, err := pack.Build(context.Background(), entriesOf(want...), o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Remove()
		if p.Entries != len(want) {
			t.Fatalf("Entries = %d, want %d", p.Entries, len(want))
		}
		got := unzip(t, unpack(t, p, o.PartSize))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("entries changed on the way (-want +got):\n%s", diff)
		}
	})
	if left := leftovers(t, spool); len(left) > 0 {
		t.Errorf("Remove left %v in the spool", left)
	}
}

func TestBuild_SameEntries_SameZipWhateverTheParts(t *testing.T) {
	first := build(t, invoices(100), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
	for _, size := range []int64{3_000, 65_536, 99_999} {
		again := build(t, invoices(100), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC, PartSize: size, MaxParts: 10_000})
		if again.Hash != first.Hash || again.Size != first.Size {
			t.Errorf("in parts of %d bytes the ZIP is not the ZIP of the first build, want the same", size)
		}
	}
	reversed := slices.Collect(func(yield func(pack.Entry) bool) {
		for e := range invoices(100) {
			if !yield(e) {
				return
			}
		}
	})
	slices.Reverse(reversed)
	if p := build(t, entriesOf(reversed...), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC}); p.Hash == first.Hash {
		t.Error("the entries in reverse order give the same ZIP, want a ZIP that differs")
	}
}

func TestBuild_LocalHeaders_CarryChecksumAndSizesAndNothingElse(t *testing.T) {
	ascii := pack.Entry{Name: "a.xml", Data: []byte("<a/>")}
	polish := pack.Entry{Name: "ż.xml", Data: invoiceXML(rand.New(rand.NewPCG(1, 1)), 1)}
	p := build(t, entriesOf(ascii, polish), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
	data := unpack(t, p, 50_000_000)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	wantFlags := []uint16{0, 0x800} // 0x800 announces UTF-8 for the name that needs it; bit 3, a data descriptor, is not set
	offset := 0
	for i, f := range z.File {
		h := data[offset:]
		local := []uint32{binary.LittleEndian.Uint32(h[14:]), binary.LittleEndian.Uint32(h[18:]), binary.LittleEndian.Uint32(h[22:])}
		if diff := cmp.Diff([]uint32{f.CRC32, uint32(f.CompressedSize64), uint32(f.UncompressedSize64)}, local); diff != "" {
			t.Errorf("%s: the CRC or the sizes in the local header differ (-directory +local):\n%s", f.Name, diff)
		}
		if flags := binary.LittleEndian.Uint16(h[6:]); flags != wantFlags[i] || f.Flags != wantFlags[i] {
			t.Errorf("%s: flags %#x, in the directory %#x; want %#x", f.Name, flags, f.Flags, wantFlags[i])
		}
		version, extra := binary.LittleEndian.Uint16(h[4:]), binary.LittleEndian.Uint16(h[28:])
		if version != 20 || extra != 0 || len(f.Extra) != 0 {
			t.Errorf("%s: version %d, extra fields of %d and %d bytes; want version 20 and no extra fields",
				f.Name, version, extra, len(f.Extra))
		}
		if got := f.Modified.Format("2006-01-02 15:04:05"); got != "1980-01-01 00:00:00" {
			t.Errorf("%s: modified %s, want 1 January 1980", f.Name, got)
		}
		offset += 30 + len(f.Name) + int(f.CompressedSize64) // the next header follows at once
	}
	if directory := 2*46 + len("a.xml") + len("ż.xml") + 22; len(data) != offset+directory {
		t.Errorf("after the entries come %d bytes, want the directory's %d: are there zip64 records?", len(data)-offset, directory)
	}
}

func TestBuild_Limits_NameTheEntryThatNoLongerFits(t *testing.T) {
	const n = 10
	whole := build(t, invoices(n), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
	random := pack.Entry{Name: "huge.xml", Data: slices.Concat(slices.Collect(noiseData(100_000, 50_000))...)}
	for _, c := range []struct {
		why     string
		entries iter.Seq2[pack.Entry, error]
		o       pack.Options
		want    *pack.FullError // nil: it fits
	}{
		{"exactly as large as allowed", invoices(n), pack.Options{MaxSize: whole.Size}, nil},
		{"one byte too many", invoices(n), pack.Options{MaxSize: whole.Size - 1},
			&pack.FullError{Name: "inv0000009.xml", Fits: 9, Unit: "bytes", Limit: whole.Size - 1}},
		{"two parts that fit exactly", invoices(n), pack.Options{PartSize: (whole.Size + 1) / 2, MaxParts: 2}, nil},
		{"two parts that are a byte short", invoices(n), pack.Options{PartSize: (whole.Size - 1) / 2, MaxParts: 2},
			&pack.FullError{Name: "inv0000009.xml", Fits: 9, Unit: "bytes", Limit: (whole.Size - 1) / 2 * 2}},
		{"as many entries as allowed", invoices(n), pack.Options{MaxEntries: n}, nil},
		{"one entry too many", invoices(n), pack.Options{MaxEntries: n - 1},
			&pack.FullError{Name: "inv0000009.xml", Fits: 9, Unit: "entries", Limit: 9}},
		{"one entry more than a session takes, by default", tiny(10_001), pack.Options{},
			&pack.FullError{Name: "t10000.xml", Fits: 10_000, Unit: "entries", Limit: 10_000}},
		{"the first entry alone is too large: nothing fits", entriesOf(random), pack.Options{MaxSize: 90_000},
			&pack.FullError{Name: "huge.xml", Fits: 0, Unit: "bytes", Limit: 90_000}},
	} {
		c.o.Dir, c.o.Encrypter = t.TempDir(), sealCBC
		p, err := pack.Build(t.Context(), c.entries, c.o)
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: the build ended with %v, want no error", c.why, err)
			} else if err := p.Remove(); err != nil {
				t.Error(err)
			}
			continue
		}
		var full *pack.FullError
		if !errors.As(err, &full) {
			t.Errorf("%s: the build ended with %v, want a FullError", c.why, err)
			continue
		}
		if diff := cmp.Diff(c.want, full); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
		if left := leftovers(t, c.o.Dir); len(left) > 0 {
			t.Errorf("%s: the failed build left %v in the spool", c.why, left)
		}
	}
}

func TestBuild_ZipThatFillsItsParts_HasNoEmptyPart(t *testing.T) {
	whole := build(t, invoices(7), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
	p := build(t, invoices(7), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC, PartSize: whole.Size})
	if len(p.Parts) != 1 {
		t.Errorf("%d parts, want 1", len(p.Parts))
	}
	unpack(t, p, whole.Size)
}

func TestBuild_Failures_AreReportedAndLeaveNothing(t *testing.T) {
	cause := errors.New("the cause")
	broken := func(after int) iter.Seq2[pack.Entry, error] {
		return func(yield func(pack.Entry, error) bool) {
			for e := range invoices(after) {
				if !yield(e, nil) {
					return
				}
			}
			yield(pack.Entry{}, cause)
		}
	}
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancelling := func(yield func(pack.Entry, error) bool) {
		n := 0
		for e := range invoices(1000) {
			if n++; n == 50 {
				cancel(cause)
			}
			if n > 50 {
				t.Error("entries were read after the context ended")
			}
			if !yield(e, nil) {
				return
			}
		}
	}
	for _, c := range []struct {
		why     string
		ctx     context.Context
		entries iter.Seq2[pack.Entry, error]
		encrypt func(io.Writer) io.WriteCloser
		want    error
	}{
		{"an invoice cannot be read", t.Context(), broken(100), sealCBC, cause},
		{"the first invoice cannot be read", t.Context(), broken(0), sealCBC, cause},
		{"the caller gives up half way", cancelled, cancelling, sealCBC, cause},
		{"the caller gave up before the start", cancelled, invoices(0), sealCBC, cause},
		{"writing a part fails", t.Context(), invoices(1000), failing(cause, nil), cause},
		{"the last bytes of a part fail", t.Context(), invoices(10), failing(nil, cause), cause},
		{"there was nothing to send", t.Context(), invoices(0), sealCBC, pack.ErrEmpty},
	} {
		dir := t.TempDir()
		p, err := pack.Build(c.ctx, c.entries, pack.Options{Dir: dir, PartSize: 100_000, Encrypter: c.encrypt})
		if !errors.Is(err, c.want) || p != nil {
			t.Errorf("%s: Build = %v, %v; want no package and the error %v", c.why, p, err, c.want)
		}
		if left := leftovers(t, dir); len(left) > 0 {
			t.Errorf("%s: the failed build left %v in the spool", c.why, left)
		}
	}
}

func TestBuild_PanicOfTheCallersCode_LeavesNothing(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = pack.Build(t.Context(), func(yield func(pack.Entry, error) bool) {
			yield(pack.Entry{Name: "a.xml"}, nil)
			panic("of the caller")
		}, pack.Options{Dir: dir, Encrypter: sealCBC})
	}()
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("the build that panicked left %v in the spool", left)
	}
}

func TestBuild_BadOptions_AreAllReportedAtOnce(t *testing.T) {
	bad := pack.Options{PartSize: 100_000_001, MaxParts: -1, MaxSize: -1, MaxEntries: -1, Level: 10}
	_, err := pack.Build(t.Context(), invoices(1), bad)
	for _, want := range []string{"Dir", "Encrypter", "PartSize", "MaxParts", "MaxSize", "MaxEntries", "Level"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error %v does not name the option %s", err, want)
		}
	}
}

func TestBuild_Names_MustBeFlatAndUnique(t *testing.T) {
	for _, c := range []struct {
		why, name string
		ok        bool
	}{
		{"an id", "cv3k1a2b3c4d5e6f7g8h.xml", true},
		{"Polish letters and spaces", "Faktura VAT żółć 1.xml", true},
		{"dots within", "a.b.xml", true},
		{"nothing", "", false},
		{"a folder", "a/b.xml", false},
		{"a Windows folder", `a\b.xml`, false},
		{"the parent folder", "..", false},
		{"two dots in a row inside a name", "a..b", false},
		{"this folder", ".", false},
		{"a drive", "c:a.xml", false},
		{"a line break", "a\nb.xml", false},
		{"NUL", "a\x00.xml", false},
		{"text that runs backwards", "a\u202elmx.exe", false},
		{"not UTF-8", "a\xff.xml", false},
		{"a space at the end, which Windows drops", "a.xml ", false},
		{"longer than file systems take", strings.Repeat("a", 256), false},
		{"a name that is used already", "FIRST.xml", false},
		{"a used name that differs in upper and lower case", "First.XML", false},
	} {
		p, err := pack.Build(t.Context(), entriesOf(pack.Entry{Name: "FIRST.xml"}, pack.Entry{Name: c.name}),
			pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
		var bad *pack.NameError
		if c.ok != (err == nil) || !c.ok && (!errors.As(err, &bad) || bad.Index != 1 || bad.Name != c.name) {
			t.Errorf("%s: Build takes the name %q: %v, want %v; a refusal must name entry 1: %v", c.why, c.name, err == nil, c.ok, err)
		}
		if p != nil {
			_ = p.Remove()
		}
	}
}

func TestPackage_Files_AreForTheOwnerOnlyAndGoWithRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on demand")
	p := build(t, invoices(100), pack.Options{Dir: dir, Encrypter: sealCBC, PartSize: 10_000})
	for _, path := range append(leftovers(t, dir), dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
	if err := errors.Join(p.Remove(), p.Remove()); err != nil {
		t.Error(err)
	}
	if _, err := p.Parts[0].Open(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open after Remove returns the error %v, want os.ErrNotExist", err)
	}
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("Remove left %v in the spool", left)
	}
}

func failing(onWrite, onClose error) func(io.Writer) io.WriteCloser {
	return func(io.Writer) io.WriteCloser { return failure{onWrite, onClose} }
}

type failure struct{ onWrite, onClose error }

func (f failure) Write(p []byte) (int, error) { return len(p), f.onWrite }
func (f failure) Close() error                { return f.onClose }

func tiny(n int) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		for i := range n {
			if !yield(pack.Entry{Name: fmt.Sprintf("t%d.xml", i), Data: []byte("<a/>")}, nil) {
				return
			}
		}
	}
}

func noiseData(total, each int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for e := range noise(total, each) {
			if !yield(bytes.Clone(e.Data)) {
				return
			}
		}
	}
}
