package intake_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
)

// read collects "file: content" or "file! error".
func read(t testing.TB, o intake.Options, paths ...string) []string {
	t.Helper()
	var got []string
	for it := range intake.Read(t.Context(), paths, o) {
		it.Load()
		if it.Err != nil {
			got = append(got, it.File+"! "+it.Err.Error())
		} else {
			got = append(got, it.File+": "+string(it.Data))
		}
	}
	return got
}

// put writes a file and makes its folder.
func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

type entry struct {
	name, content string
	header        func(*zip.FileHeader)
}

// pack makes a ZIP archive.
func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.header != nil {
			e.header(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRead_Folder_YieldsEverythingBelowInOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"in/b.xml", "in/a.XML", "in/sub/c.Xml", "in/note.txt", "in/.hidden.xml", "in/.git/d.xml", "in/xml", "other/e.xml",
	} {
		put(t, name, name)
	}
	for link, to := range map[string]string{
		"in/sub/loop": "..", "in/z": "../other", "in/y": "../other", "in/link.xml": "b.xml", "in/dead.xml": "gone",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"in/a.XML: in/a.XML", "in/b.xml: in/b.xml",
		"in/dead.xml! is a link to a file that does not exist; fix the link or remove it",
		"in/link.xml: in/b.xml", "in/sub/c.Xml: in/sub/c.Xml",
		"in/y/e.xml: other/e.xml", // not a second time as in/z/e.xml
	}
	if got := read(t, intake.Options{}, "in"); !slices.Equal(got, want) {
		t.Errorf("Read gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRead_LargeFile_IsRefusedWithoutReadingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.xml")
	put(t, path, "")
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	for it := range intake.Read(t.Context(), []string{path, filepath.Dir(path)}, intake.Options{}) {
		it.Load()
		var f *invoice.FieldError
		if !errors.As(it.Err, &f) || f.Value != "1099511627776 bytes" || !strings.Contains(f.Rule, "at most 3000000 bytes") {
			t.Errorf("%s: %v, want a refusal for its size", it.File, it.Err)
		}
	}
}

func TestRead_FileVanishesBeforeItIsLoaded_IsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xml")
	put(t, path, "x")
	for it := range intake.Read(t.Context(), []string{path}, intake.Options{}) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		it.Load()
		if it.Err == nil || !strings.HasPrefix(it.Err.Error(), "does not exist") {
			t.Errorf("the item of the file that is gone has the error %v, want that it does not exist", it.Err)
		}
	}
}

func TestRead_ArchiveWithBadEntries_EachIsRefusedWithAReason(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "in.zip", string(pack(t,
		entry{name: "a.xml", content: "A"},
		entry{name: "dir/", content: ""},
		entry{name: "locked.xml", content: "L", header: func(h *zip.FileHeader) { h.Flags |= 1 }},
		entry{name: "link.xml", content: "/etc/passwd", header: func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }},
		entry{name: "inner.zip", content: "PK"},
		entry{name: "n\x00l.xml", content: "N"},
		entry{name: "dir/b.xml", content: "B"},
	)))
	want := []string{
		"in.zip/a.xml: A",
		"in.zip/locked.xml! is encrypted; unpack the archive and hand in the folder",
		"in.zip/link.xml! is a link, not a file; make the archive again with links followed",
		"in.zip/inner.zip! is not an *.xml entry; put only invoices into the archive",
		`in.zip! has an entry named "n\x00l.xml", which has a zero byte; ` +
			"make the archive again, from inside the folder that holds the files",
		"in.zip/dir/b.xml: B",
	}
	if got := read(t, intake.Options{}, "in.zip"); !slices.Equal(got, want) {
		t.Errorf("Read gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// lying makes an archive with one entry whose header gives a size that is too small.
func lying(t *testing.T, size int) []byte {
	t.Helper()
	z := pack(t, entry{name: "a.xml", content: strings.Repeat("0", size)})
	at := bytes.LastIndex(z, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(z[at+24:], 100)
	return z
}

func TestRead_EntryGivesAWrongSize_IsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "lie.zip", string(lying(t, 50<<20)))
	got := read(t, intake.Options{}, "lie.zip")
	if len(got) != 1 || !strings.Contains(got[0], "lie.zip/a.xml! cannot be unpacked: ") ||
		!strings.Contains(got[0], "the archive is damaged") {
		t.Errorf("the archive gives %d items, want one that says that it is damaged: %.200q", len(got), got)
	}
}

func TestRead_ArchiveAboveTheLimits_IsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	var many, big []entry
	for i := range 50 {
		many = append(many, entry{name: fmt.Sprintf("%d.xml", i), content: "x"})
		big = append(big, entry{name: fmt.Sprintf("%d.xml", i), content: strings.Repeat("0", 2_900_000)})
	}
	put(t, "many.zip", string(pack(t, many...)))
	put(t, "big.zip", string(pack(t, big...)))
	last := func(o intake.Options, path string) string {
		got := read(t, o, path)
		return got[len(got)-1]
	}
	got := last(intake.Options{MaxEntries: 49}, "many.zip")
	if got != "many.zip! holds 50 entries, more than 49; split the archive" {
		t.Errorf("with a limit of 49 entries, the last item is %q, want a refusal of the archive", got)
	}
	// Folders, and the files that operating systems add to an archive, do not count as entries.
	for i := range 60 {
		many = append(many, entry{name: fmt.Sprint("d", i, "/")}, entry{name: fmt.Sprint("__MACOSX/._", i, ".xml"), content: "x"})
	}
	put(t, "folders.zip", string(pack(t, many...)))
	if got := read(t, intake.Options{MaxEntries: 50}, "folders.zip"); len(got) != 50 {
		t.Errorf("%d items were read from the archive with 50 documents and 60 folders, want 50: %s", len(got), got[0])
	}
	got = last(intake.Options{MaxUnpacked: 10}, "many.zip")
	if got != "many.zip! unpacks to more than 10 bytes, the rest was not read; split the archive" {
		t.Errorf("with a limit of 10 bytes, the last item is %q, want a refusal of the rest", got)
	}
	// big.zip is 145 MB of zeros in 0.2 MB.
	if got := last(intake.Options{}, "big.zip"); !strings.Contains(got, "it looks like a zip bomb") {
		t.Errorf("the last item of big.zip is %.200q, want a refusal of a zip bomb", got)
	}
}

// FuzzRead_Archive checks for any bytes that reading ends, that no document has more than
// MaxSize+1 bytes, and that no item has both a document and an error.
func FuzzRead_Archive(f *testing.F) {
	f.Add(pack(f, entry{name: "a.xml", content: "A"}, entry{name: "../b.xml", content: "B"}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := io.MultiReader(strings.NewReader("PK\x03\x04"), bytes.NewReader(data))
		o := intake.Options{Stdin: in, TempDir: t.TempDir(), MaxUnpacked: 1 << 20}
		for it := range intake.Read(t.Context(), []string{"-"}, o) {
			if len(it.Data) > invoice.MaxSize+1 || (it.Data != nil) == (it.Err != nil) && it.Data != nil {
				t.Errorf("an item has %d bytes and the error %v, want only one of them and MaxSize+1 at most", len(it.Data), it.Err)
			}
		}
	})
}

func TestRead_StandardInput_IsADocumentOrAnArchive(t *testing.T) {
	tmp := t.TempDir()
	archive := pack(t, entry{name: "a.xml", content: "A"}, entry{name: "b.xml", content: "B"})
	for _, c := range []struct {
		what string
		in   io.Reader
		want []string
	}{
		{"a document", strings.NewReader("<Faktura/>"), []string{"-: <Faktura/>"}},
		{"a document in small pieces", iotest.OneByteReader(strings.NewReader("<Faktura/>")), []string{"-: <Faktura/>"}},
		{"an archive", bytes.NewReader(archive), []string{"-/a.xml: A", "-/b.xml: B"}},
		{"one byte", strings.NewReader("x"), []string{"-: x"}},
		{"nothing", strings.NewReader(""), []string{"-! standard input is empty; pipe one XML document or one ZIP archive into it"}},
		{"no reader", nil, []string{"-! standard input is empty; pipe one XML document or one ZIP archive into it"}},
		{"an archive that is cut off", bytes.NewReader(archive[:60]), nil},
	} {
		got := read(t, intake.Options{Stdin: c.in, TempDir: tmp}, "-")
		if c.want != nil && !slices.Equal(got, c.want) {
			t.Errorf("%s: standard input gives %q, want %q", c.what, got, c.want)
		}
		if c.want == nil && (len(got) != 1 || !strings.Contains(got[0], "is not a readable ZIP archive")) {
			t.Errorf("%s: standard input gives %q, want one refusal that says that it is not a readable ZIP archive", c.what, got)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("files are left in the temporary folder: %v, %v", left, err)
	}
}

func TestRead_EndlessInput_IsCutOff(t *testing.T) {
	for it := range intake.Read(t.Context(), []string{"-"}, intake.Options{Stdin: zeros{}}) {
		if len(it.Data) != invoice.MaxSize+1 {
			t.Errorf("the endless document was read to %d bytes, %v, want one byte more than the limit", len(it.Data), it.Err)
		}
	}
}

func TestRead_InputNeverComes_EndsWhenCancelled(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for it := range intake.Read(ctx, []string{"-", "more"}, intake.Options{Stdin: r}) {
		t.Errorf("the input never came, but Read gives %+v", it)
	}
	if ctx.Err() == nil {
		t.Error("Read ended although its context had not ended")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestRead_FolderHoldsOtherFiles_TheCallerIsToldOfThem(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"in/a.xml", "in/b.json", "in/c.ZIP", "in/.hidden.xml", "in/sub/d.pdf", "in/sub/e", "in/sub/f", "in/sub/g",
		"none/h.txt", "clean/i.xml",
		"dots/.DS_Store", "dots/._a.xml", "dots/a.xml", "dots/.hooks/run.sh", "dots/.git/b.xml", "dots/.git/c.xml", "dots/sub/.d.XML",
		"dots/sub/.keep/deep/.e.xml",
	} {
		put(t, name, name)
	}
	if err := os.Symlink("../none/h.txt", "in/link.txt"); err != nil {
		t.Fatal(err)
	}
	var got []intake.Left
	o := intake.Options{Left: func(l intake.Left) { got = append(got, l) }}
	if items := read(t, o, "in", "none", "clean", "dots"); len(items) != 4 {
		t.Errorf("Read gives %q, want three documents and an empty folder", items)
	}
	want := []intake.Left{
		{Folder: "in", Files: 8, Names: []string{".hidden.xml", "b.json", "c.ZIP", "link.txt", "sub/d.pdf"},
			JSON: true, ZIP: true, Hidden: true},
		{Folder: "none", Files: 1, Names: []string{"h.txt"}},
		{Folder: "dots", Files: 4, Names: []string{"._a.xml", ".git/", "sub/.d.XML", "sub/.keep/"}, Hidden: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("files that were left: %+v\nwant %+v", got, want)
	}
}
