package intake

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"strings"

	"ksefworker/internal/ledger"
)

// Item is one document that a path holds, or the reason why there is none.
type Item struct {
	// File says where the document came from: a path, archive.zip/name.xml, or - for standard
	// input. It is valid UTF-8, but otherwise as others wrote it. It may hold control characters,
	// which MUST NOT reach a terminal.
	File string
	// Data is the document. It is nil for a file that was found but not read yet; see Load.
	Data []byte
	// Err says why there is no document. It is a *Problem, an *UnsureError, or a
	// *invoice.FieldError, for example for a document that is too large. Data is then nil.
	Err error
	// Ref and Terms are as in [Document].
	Ref   string
	Terms *Terms
	// Unnamed and Made are as in [Document].
	Unnamed, Made bool
	// Sum is the hash ([SumOf]) of what the sender wrote, if the item has Err and no Data. It tells
	// apart refused items with the same File. It is "" when it is not known.
	Sum string

	load     func(*buffer) ([]byte, error)
	maxBytes int64 // of the document; Load reads at most one byte more. 0 when there is nothing to load
}

// SumOf returns the hash of a text for [Item.Sum].
func SumOf(text []byte) string { return ledger.HashText(sha256.Sum256(text)) }

// refused returns the outcome of an item without a document.
func (it *Item) refused() Admission {
	adm := Admission{File: it.File, Unnamed: it.Unnamed, Ref: it.Ref, Taken: ledger.Refused, Err: it.Err}
	adm.Invoice.Hash = it.Sum
	if it.Terms != nil {
		adm.Asked = it.Terms.Tenant
	}
	return adm
}

// Load reads a document that was not read yet. It is a separate step so that many files can be read
// at the same time, because folders on a network share answer slowly. Load sets Data or Err. A
// second call changes nothing. Load is not safe for concurrent use on the same Item.
func (it *Item) Load() {
	it.loadInto(nil)
}

func (it *Item) loadInto(b *buffer) {
	if it.load == nil {
		return
	}
	it.Data, it.Err = it.load(b)
	it.load = nil
}

// Problem says why a path, or something in it, gave no document. Its text does not name the file;
// Item.File does.
type Problem struct {
	// What is wrong, as the end of a sentence that begins with the file's name.
	What string
	// Hint says what to do about it.
	Hint string
	// Path says that the whole path gave nothing, because it is missing, empty, or of a kind that
	// cannot be read. Such a path is a mistake in the call, not in a document.
	Path bool
	// Empty says that the path is a folder that holds no invoice, or a manifest without a line.
	// Such a path is left by an export that had nothing to write, and also by an export that wrote
	// to another place.
	Empty bool
	// Archive says that the path is an archive that could be read and holds no invoice. The program
	// that made it must have failed, so its refusal goes on record.
	Archive bool
	// TooMany says that the path is an archive with more entries than [Options] allow. None of
	// them was read.
	TooMany bool
	// Err is the error that caused the problem; nil when there is none.
	Err error
}

// Error returns "what: cause; hint".
func (p *Problem) Error() string {
	s := p.What
	if p.Err != nil && !errors.Is(p.Err, fs.ErrNotExist) { // the field What says that better
		s += ": " + p.Err.Error()
	}
	if p.Hint != "" {
		s += "; " + p.Hint
	}
	return s
}

// Unwrap returns Err.
func (p *Problem) Unwrap() error { return p.Err }

// unreadable explains an error of the file system. It removes the path from the cause, because the
// message names the file already.
func unreadable(err error) *Problem {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	p := &Problem{What: "cannot be read", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.What, p.Hint = "does not exist", "check the name, and whether its share is mounted"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "give this program's user read permission"
	default:
		p.Hint = "check its disk or share, then hand the file in again"
	}
	return p
}

// readCapped reads a document of about hint bytes. limit is the largest size of a document.
// readCapped reads at most one byte more, which is enough for [invoice.Parse] to refuse the
// document.
func readCapped(r io.Reader, hint, limit int64) ([]byte, error) {
	maxRead := int(limit) + 1
	buf := make([]byte, 0, min(int(min(max(hint, 511), limit))+1, maxRead))
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF || len(buf) >= maxRead {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), maxRead))
			copy(grown, buf)
			buf = grown
		}
	}
}

func valid(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// isXML checks the name only. invoice.Parse checks what is in the file.
func isXML(name string) bool { return hasExtension(name, ".xml") }

func hasExtension(name, ext string) bool {
	return len(name) > len(ext) && strings.EqualFold(name[len(name)-len(ext):], ext)
}

// hidden reports whether a name begins with a dot. An operating system, an editor or an upload in
// progress leaves such files beside the documents: .DS_Store, ._invoice.xml, .invoice.xml.swp.
func hidden(base string) bool { return strings.HasPrefix(base, ".") }
