package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
)

// Read counts what a search has read.
type Read struct {
	Indexes int
	Bytes   int64
}

// Query says which lines a search wants.
type Query struct {
	Text  []byte // every wanted line contains it; see [Text]
	Since string // skips indexes whose lines are all of earlier days, "2006-01-02"; "" skips none
	Match func(*Line) bool
}

// Search calls yield with the lines of a folder that a query wants. It reads the indexes of the
// folder one at a time, each as a whole. Search calls the function unread, if it is not nil, with
// each index that is damaged and cannot be made again.
func (s *Store) Search(ctx context.Context, folder string, q Query, yield func(Line) error, unread func(name string, err error)) (
	did Read, err error,
) {
	sh, err := s.renew(ctx, folder)
	if err != nil {
		return did, err
	}
	for _, of := range sh.indexes {
		if of.day < q.Since {
			continue
		}
		lines, n, err := s.matching(ctx, of, &q)
		did.Indexes++
		did.Bytes += n
		if errors.Is(err, archive.ErrCorrupt) {
			if unread != nil {
				unread(of.name, err)
			}
			continue
		}
		if err != nil {
			return did, err
		}
		for _, l := range lines {
			if err := yield(l); err != nil {
				return did, err
			}
		}
	}
	return did, nil
}

// Text returns a text as an index spells it, with the escapes of JSON. Only a line that contains
// this text has to be parsed.
func Text(text string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) != nil {
		return nil
	}
	return bytes.Trim(bytes.TrimSuffix(out.Bytes(), newline), `"`)
}

func (s *Store) matching(ctx context.Context, of index, q *Query) (out []Line, n int64, err error) {
	raw, err := s.Store.Get(ctx, of.name)
	if err == nil {
		out, err = filter(raw, q)
	}
	if !spoiled(err) {
		return out, int64(len(raw)), err
	}
	all, err := load(ctx, s.Store, of)
	if err != nil {
		return nil, int64(len(raw)), err
	}
	out = nil
	for i := range all {
		if q.Match(&all[i]) {
			out = append(out, all[i])
		}
	}
	return out, int64(len(raw)), nil
}

func filter(raw []byte, q *Query) (out []Line, err error) {
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		return nil, fmt.Errorf("%w: its end is missing", errLine)
	}
	for line := range bytes.Lines(raw) {
		if !bytes.HasPrefix(line, keyBegins) || !bytes.HasSuffix(line, []byte("]}\n")) {
			return nil, fmt.Errorf("%w: it is not one line of an invoice", errLine)
		}
		if !bytes.Contains(line, q.Text) {
			continue
		}
		l, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		if q.Match(&l) {
			out = append(out, l)
		}
	}
	return out, nil
}

// Results calls yield with every result of a folder. It reads each ZIP whole, one at a time. A
// result that is in two ZIPs comes twice. Results calls the function unread, if it is not nil, with
// each ZIP that is damaged.
func (s *Store) Results(ctx context.Context, folder string, yield func(id string, result []byte) error,
	unread func(name string, err error),
) error {
	names, err := archive.ListIn(ctx, s.Store, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		sub, isFolder := strings.CutSuffix(name, "/")
		if !isFolder {
			continue
		}
		parts, err := listDay(ctx, s.Store, folder, sub[strings.LastIndexByte(sub, '/')+1:])
		if err != nil {
			return err
		}
		for _, of := range parts {
			err := s.resultsOf(ctx, of.zips[0], yield)
			if errors.Is(err, archive.ErrCorrupt) {
				if unread != nil {
					unread(of.zips[0], err)
				}
				continue
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) resultsOf(ctx context.Context, name string, yield func(id string, result []byte) error) error {
	raw, err := s.Store.Get(ctx, name)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return fmt.Errorf("bundle %s: %w: %w", name, archive.ErrCorrupt, err)
	}
	var bad error
	for _, f := range z.File {
		id, isResult := strings.CutSuffix(f.Name, jsonSuffix)
		if !isResult {
			continue
		}
		result, err := open(f, maxResult)
		if err != nil { // the others are good all the same
			bad = fmt.Errorf("%s in bundle %s: %w: %w", f.Name, name, archive.ErrCorrupt, err)
			continue
		}
		if err := yield(id, result); err != nil {
			return err
		}
	}
	return bad
}
