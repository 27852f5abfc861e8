package intake

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// Item is one document that a path holds, or the reason why there is none.
type Item struct {
	// File says where it came from: a path, archive.zip/name.xml, or - for standard input. Always valid UTF-8, but otherwise as its maker wrote it:
	// it may hold control characters, which MUST NOT reach a terminal.
	File string
	// Data is the document. It is nil for a file that was found but not read yet; see Load.
	Data []byte
	// Err is a *Problem, or a *invoice.FieldError for a document that is too large; Data is nil then.
	Err error

	load func(*room) ([]byte, error)
	most int64 // bytes that load may give, less one; 0 when there is nothing to load
}

// Load reads the document when that was put off, so that many files can be read at the same time (folders on a network share answer slowly). It sets Data or
// Err; doing it again changes nothing. Not safe for concurrent use on the same Item.
func (it *Item) Load() {
	it.loadInto(nil)
}

func (it *Item) loadInto(r *room) {
	if it.load == nil {
		return
	}
	it.Data, it.Err = it.load(r)
	it.load = nil
}

// Problem says why a path, or something in it, gave no document. Its text does not name the file: Item.File does.
type Problem struct {
	// What is wrong, as the end of a sentence that begins with the file's name.
	What string
	// Hint says what to do about it.
	Hint string
	// Path says that the whole path that was named gave nothing: it is missing, empty or of no kind that is read. Such a path is a mistake in the call, not in a
	// document.
	Path bool
	// Empty says that the path is a folder, which holds no invoice: an export that had nothing to
	// write leaves one, and one that wrote elsewhere, too.
	Empty bool
	// Err is the cause, when there is one beneath; nil otherwise.
	Err error
}

// Error is "what: cause; hint".
func (p *Problem) Error() string {
	s := p.What
	if p.Err != nil && !errors.Is(p.Err, fs.ErrNotExist) { // which What says better
		s += ": " + p.Err.Error()
	}
	if p.Hint != "" {
		s += "; " + p.Hint
	}
	return s
}

// Unwrap gives Err.
func (p *Problem) Unwrap() error { return p.Err }

// unreadable explains an error of the file system. The path is left out of the cause: it is told already.
func unreadable(err error) *Problem {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	p := &Problem{What: "cannot be read", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.What, p.Hint = "is not there", "check the name, and that the share it lies on is mounted"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "let the user that runs this read it"
	default:
		p.Hint = "check the disk or share it lies on, then hand it in again"
	}
	return p
}

// readCapped reads a document of about hint bytes and never more than one byte beyond limit, the
// most that a document may have: that one is enough for [invoice.Parse] to refuse it.
func readCapped(r io.Reader, hint, limit int64) ([]byte, error) {
	most := int(limit) + 1
	buf := make([]byte, 0, min(int(min(max(hint, 511), limit))+1, most))
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF || len(buf) >= most {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), most))
			copy(grown, buf)
			buf = grown
		}
	}
}

func valid(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// isXML looks at a name only: what is in the file, invoice.Parse tells better.
func isXML(name string) bool { return hasExtension(name, ".xml") }

func hasExtension(name, ext string) bool {
	return len(name) > len(ext) && strings.EqualFold(name[len(name)-len(ext):], ext)
}

// hidden is what systems and editors leave beside the files of people: .DS_Store, ._invoice.xml, .invoice.xml.swp, half-written uploads.
func hidden(base string) bool { return strings.HasPrefix(base, ".") }
