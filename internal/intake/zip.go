package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zip"
	"golang.org/x/text/encoding/charmap"

	"ksefworker/internal/invoice"
)

// Limits of an archive, in addition to those of Options.
const (
	// The list of entries is read into memory, where it takes several times its size in the
	// archive. An entry with a long name takes 300 bytes of the list. The bound allows MaxEntries
	// entries of about twice that size.
	maxDirectory   = 64 << 20
	directoryEntry = 640
	directoryEnd   = 1 << 20 // for the end of the archive, and what is read ahead
	// An archive is a zip bomb when it unpacks to more than harmlessSize and to more than maxRatio
	// times its own size. Invoices shrink only about ten times.
	maxRatio     = 100
	harmlessSize = 64 << 20
	// flagEncrypted is bit 0 of an entry's flags.
	flagEncrypted = 0x1
)

func (r *reader) archiveFile(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return r.fail(name, unreadable(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r.fail(name, unreadable(err))
	}
	return r.archive(name, f, info.Size())
}

// archive yields the entries one after the other, unpacked in memory.
func (r *reader) archive(name string, at io.ReaderAt, size int64) bool {
	longest := min(maxDirectory, int64(r.o.MaxEntries)*directoryEntry+directoryEnd)
	list := &bounded{at: at, left: longest}
	z, err := zip.NewReader(list, size)
	if err != nil {
		return r.fail(name, unreadableArchive(err, longest))
	}
	list.lift()
	entries := entriesOf(z)
	if len(entries) > r.o.MaxEntries {
		return r.fail(name, &Problem{What: fmt.Sprintf("holds %d entries, more than %d", len(entries), r.o.MaxEntries),
			Hint: "split the archive", TooMany: true})
	}
	unpacked := int64(0)
	for _, f := range entries {
		it := r.entry(name, f)
		if !r.give(it) {
			return false
		}
		unpacked += int64(len(it.Data))
		if unpacked > r.o.MaxUnpacked {
			return r.fail(name, &Problem{
				What: fmt.Sprintf("unpacks to more than %d bytes, the rest was not read", r.o.MaxUnpacked),
				Hint: "split the archive",
			})
		}
		if unpacked > harmlessSize && unpacked/maxRatio > size {
			return r.fail(name, &Problem{
				What: fmt.Sprintf("unpacks to more than %d times its size, the rest was not read: it looks like a zip bomb", maxRatio),
				Hint: "unpack it with another program and check what is in it",
			})
		}
	}
	if len(entries) == 0 {
		return r.fail(name, &Problem{What: "holds no *.xml entries", Hint: "check what the export put into it", Path: true, Archive: true})
	}
	return true
}

// entriesOf returns the entries that count. Each of them gets an outcome. Folders, and the files
// that operating systems leave between documents, are left out unless their names are unsafe.
func entriesOf(z *zip.Reader) []*zip.File {
	names := make(map[string]bool, len(z.File))
	for _, f := range z.File {
		f.Name = slashed(readable(f.Name))
		names[f.Name] = true
	}
	return slices.DeleteFunc(z.File, func(f *zip.File) bool {
		folder := f.Mode().IsDir() || strings.HasSuffix(f.Name, "/")
		return unsafeName(f.Name) == "" && (folder || dropping(f.Name, names))
	})
}

// entry checks and unpacks one entry. It trusts the size in the header only when that size is over
// the limit. A smaller size is only a hint for the first buffer.
func (r *reader) entry(archive string, f *zip.File) Item {
	if why := unsafeName(f.Name); why != "" {
		return Item{File: archive, Err: &Problem{What: fmt.Sprintf("has an entry named %q, which %s", valid(f.Name), why),
			Hint: "make the archive again, from inside the folder that holds the files"}}
	}
	it := Item{File: archive + "/" + f.Name}
	switch {
	case hiddenDocument(path.Base(f.Name)):
		it.Err = &Problem{What: "has a hidden name, which begins with a dot",
			Hint: "if it is an invoice, give it a name without the dot"}
	case hasExtension(f.Name, ".json"):
		it.Err = &Problem{What: "is a .json entry, but an archive may hold only XML", Hint: jsonElsewhere}
	case !isXML(f.Name):
		it.Err = &Problem{What: "is not an *.xml entry", Hint: "put only invoices into the archive"}
	case f.Flags&flagEncrypted != 0:
		it.Err = &Problem{What: "is encrypted", Hint: "unpack the archive and hand in the folder"}
	case !f.Mode().IsRegular():
		it.Err = &Problem{What: "is a link, not a file", Hint: "make the archive again with links followed"}
	case f.UncompressedSize64 > uint64(r.o.MaxDocument):
		it.Err = invoice.TooLarge(int64(min(f.UncompressedSize64, 1<<62)), r.o.MaxDocument)
	default:
		it.Data, it.Err = unpack(f, r.o.MaxDocument)
	}
	return it
}

// dropping reports whether an entry is left out without a message. Such an entry holds no document
// and comes from an operating system or an editor. names has the names of all entries. An entry
// that could be a document is never left out, except for what macOS stores: ._NAME beside an entry
// NAME, and everything in the folder __MACOSX.
func dropping(name string, names map[string]bool) bool {
	if strings.HasPrefix(name, "__MACOSX/") {
		return true
	}
	dir, base := path.Split(name)
	if of, ok := strings.CutPrefix(base, "._"); ok && names[dir+of] {
		return true
	}
	return hidden(base) && !hiddenDocument(base)
}

// hiddenDocument reports whether a name is hidden and would otherwise be the name of a document.
func hiddenDocument(base string) bool {
	stem, ok := strings.CutPrefix(base, ".")
	return ok && (hasExtension("x."+stem, ".xml") || hasExtension("x."+stem, ".json"))
}

func unpack(f *zip.File, maxBytes int64) ([]byte, error) {
	rc, err := f.Open()
	if err != nil {
		return nil, badEntry(err)
	}
	defer rc.Close()
	data, err := readCapped(rc, int64(f.UncompressedSize64), maxBytes)
	if err != nil {
		return nil, badEntry(err)
	}
	return data, nil
}

func badEntry(err error) *Problem {
	if errors.Is(err, zip.ErrAlgorithm) {
		return &Problem{What: "is packed by a method that is not supported",
			Hint: "pack with deflate, the default of every ZIP program"}
	}
	return &Problem{What: "cannot be unpacked", Err: err, Hint: "the archive is damaged: make it again"}
}

func unreadableArchive(err error, longest int64) *Problem {
	var pe *fs.PathError
	switch {
	case errors.Is(err, errDirectory):
		return &Problem{What: fmt.Sprintf("has a list of entries larger than %d bytes", longest), Hint: "split the archive"}
	case errors.As(err, &pe):
		return unreadable(err)
	}
	return &Problem{What: "is not a readable ZIP archive", Err: err,
		Hint: "it may be cut off or in another format: make it again"}
}

// readable returns a name in UTF-8. A name that is not UTF-8 is read as code page 852, in which
// Windows in Poland writes names into archives. Different names stay different.
func readable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	if read, err := charmap.CodePage852.NewDecoder().String(name); err == nil {
		return read
	}
	return name
}

// slashed returns a name with slashes, as ZIP requires. Some programs on Windows separate folders
// by backslashes. No name is lost, because a file on Windows cannot have a backslash in its name.
func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// unsafeName returns why a name is refused, and "" for a safe name. The name is stored and shown.
// The watch of a folder names a file after it, and other programs may use it.
func unsafeName(name string) string {
	switch {
	case strings.HasPrefix(name, "/"), len(name) > 1 && name[1] == ':':
		return "is an absolute path"
	case strings.ContainsRune(name, 0):
		return "has a zero byte"
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "leads out of the archive"
		}
	}
	return ""
}

var errDirectory = errors.New("list of entries too large")

// bounded refuses to read more than left bytes until lift is called. The bound is needed because
// the zip reader trusts the length that the archive gives for its list of entries.
type bounded struct {
	at   io.ReaderAt
	left int64 // negative: no limit
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if int64(len(p)) > b.left {
			return 0, errDirectory
		}
		b.left -= int64(len(p))
	}
	return b.at.ReadAt(p, off)
}

func (b *bounded) lift() { b.left = -1 }

// ReadArchive yields the documents of a ZIP archive of size bytes, as [Read] does. name is the name
// of the archive, for messages. When ctx is done, the sequence ends early.
func ReadArchive(ctx context.Context, name string, at io.ReaderAt, size int64, o Options) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		r := &reader{ctx: ctx, o: o.withDefaults(), yield: yield}
		r.archive(name, at, size)
	}
}
