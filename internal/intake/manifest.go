package intake

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"time"

	"ksefworker/internal/invoice"
)

// Manifest says how a manifest is read. Every field but Dir is required.
type Manifest struct {
	Name string // of the manifest itself, for messages
	Dir  string // the folder that relative paths are below; "" is the working directory
	// MaxDocument is the maximum size of one document, in bytes.
	MaxDocument int64
	Now         time.Time
	Tenants     []Account // that a line may name
}

// manifestLine is one line of a manifest.
type manifestLine struct {
	Path string `json:"path"` // a file
	XML  string `json:"xml"`  // or the document itself
	Wanted
}

// Read yields the documents of a manifest: NDJSON, one document a line, with the fields path or
// xml, ref, lane, offline, deadline, tenant and corrects. Empty lines are skipped. A line that is
// wrong is an Item with Err, and Read goes on. A line that is too long ends the sequence. The terms
// of a document are the terms of its line alone. When ctx is done, the sequence ends early. The
// sequence may be iterated only once.
func (m *Manifest) Read(ctx context.Context, from io.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		// In JSON, a character of a document may be written as six characters, such as \u003c.
		longest := 6*m.MaxDocument + 64<<10
		lines := bufio.NewScanner(&cancelableReader{ctx: ctx, r: from})
		lines.Buffer(make([]byte, 0, 64<<10), int(longest))
		n, found := 0, false
		for lines.Scan() {
			n++
			line := bytes.TrimSpace(lines.Bytes())
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			if len(line) == 0 {
				continue
			}
			found = true
			it := m.item(fmt.Sprintf("%s:%d", m.Name, n), line)
			it.File = valid(it.File)
			if ctx.Err() != nil || !yield(it) {
				return
			}
		}
		switch err := lines.Err(); {
		case ctx.Err() != nil:
		case errors.Is(err, bufio.ErrTooLong):
			yield(Item{File: valid(fmt.Sprintf("%s:%d", m.Name, n+1)), Err: &Problem{
				What: fmt.Sprintf("is a line of more than %d bytes, the rest was not read", longest),
				Hint: "put one document on each line"}})
		case err != nil:
			p := unreadable(err)
			p.Path = !found
			yield(Item{File: valid(m.Name), Err: p})
		case !found:
			yield(Item{File: valid(m.Name), Err: &Problem{
				What: "has no line", Hint: "check what the export wrote into it", Path: true, Empty: true}})
		}
	}
}

func (m *Manifest) item(at string, line []byte) Item {
	var l manifestLine
	if err := lineOf(line, &l); err != nil {
		return Item{File: at, Unnamed: true, Sum: SumOf(line), Ref: RefIn(line), Err: err}
	}
	terms, err := l.Terms(m.Now, m.Tenants)
	it := Item{File: at, Unnamed: true, Sum: SumOf(line), Ref: l.Ref, Terms: &terms, Err: err}
	path := l.Path
	if path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(m.Dir, path)
		}
		it.File, it.Unnamed = path, false
	}
	switch {
	case err != nil:
	case (l.Path == "") == (l.XML == ""):
		it.Err = &Problem{What: "has neither path nor xml, or both", Hint: "each line names one file, or holds one document"}
	case l.XML != "":
		it.Data = []byte(l.XML)
	default:
		file := fileItem(path, m.MaxDocument)
		it.maxBytes = file.maxBytes
		it.load = func(b *buffer) ([]byte, error) {
			data, err := file.load(b)
			if isZIP(path, data, err) {
				return nil, &Problem{What: "is a ZIP archive, and a line of a manifest names one document",
					Hint: "hand in the archive itself, or unpack it and give each invoice in it a line of its own"}
			}
			return data, err
		}
	}
	return it
}

// isZIP reports whether a file is an archive. A file that is larger than a document may be is not
// read, so its name decides.
func isZIP(path string, data []byte, err error) bool {
	if _, large := errors.AsType[*invoice.FieldError](err); large {
		return hasExtension(path, ".zip")
	}
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("PK\x05\x06"))
}

// lineOf reads one line.
func lineOf(line []byte, l *manifestLine) error {
	err := decodeStrict(line, l)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return WrongKind("the line", wrong)
	}
	switch {
	case err == nil:
		return CheckJSON(line)
	case bytes.IndexByte(line, 0) >= 0:
		return &Problem{What: "is not a line of a manifest: it is not UTF-8",
			Hint: "write the manifest in UTF-8; PowerShell writes UTF-16 unless it is told otherwise (-Encoding utf8)"}
	case hasFaktura(line):
		return &Problem{What: "is a line with faktura, and a manifest takes XML only", Hint: jsonElsewhere}
	}
	return &Problem{What: "is not a line of a manifest", Err: err,
		Hint: `write one JSON object on each line: {"path": "invoice.xml", "ref": "…"}`}
}

// hasFaktura reports whether a line has an invoice as JSON, in the field that calls over HTTP use
// for it.
func hasFaktura(line []byte) bool {
	var l struct {
		Faktura json.RawMessage `json:"faktura"`
	}
	return json.Unmarshal(line, &l) == nil && len(l.Faktura) > 0
}

// decodeStrict reads one JSON object. It refuses unknown fields, because a mistyped field would
// otherwise be ignored.
func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}
