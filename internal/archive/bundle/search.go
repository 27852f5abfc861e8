package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
)

// Read counts what a search has read.
type Read struct {
	Indexes int
	Bytes   int64
}

// Query says which lines a search wants.
type Query struct {
	Texts [][]byte // every wanted line contains one of them, see [Text]; none stands for every line
	Since string   // skips indexes whose lines are all of earlier days, "2006-01-02"; "" skips none
	// Match says whether a line is wanted. It is called by one goroutine at a time, and may be
	// called several times with a line.
	Match func(*Line) bool
	One   bool // ends the search once an index has such a line
}

// Search calls yield with the lines of a folder that a query wants. It reads the indexes of the
// folder some at a time, each as a whole. In place of a joined index that is not complete, it reads
// the indexes of the packages behind it. It also reads the index of each package that the joined
// indexes should name and do not name. Search calls the function unread, if it is not nil, with
// each index that is damaged and cannot be made again, and with the folder if it cannot be listed.
func (s *Store) Search(ctx context.Context, folder string, q Query, yield func(Line) error, unread func(name string, err error)) (
	did Read, err error,
) {
	sh, err := list(ctx, s.Store, folder)
	if errors.Is(err, archive.ErrCorrupt) {
		if unread != nil {
			unread(folder, err)
		}
		return did, nil
	}
	if err != nil {
		return did, err
	}
	yielded := map[Line]bool{} // a joined index that is not complete and the packages behind it have lines in common
	once := func(l Line) error {
		if yielded[l] {
			return nil
		}
		yielded[l] = true
		return yield(l)
	}
	lacking, err := s.searchAmong(ctx, sh.indexes, &q, &did, once, unread)
	if err != nil || q.One && len(yielded) > 0 {
		return did, err
	}
	packages, err := beside(ctx, s, sh)
	if err == nil && len(lacking) > 0 {
		var more []index
		more, err = s.behindThese(ctx, folder, lacking)
		packages = eachOnce(packages, more)
	}
	if err != nil {
		return did, err
	}
	_, err = s.searchAmong(ctx, packages, &q, &did, once, unread)
	return did, err
}

// eachOnce returns the indexes of both lists, each once.
func eachOnce(a, b []index) []index {
	return slices.Concat(a, slices.DeleteFunc(slices.Clone(b), func(of index) bool {
		return slices.ContainsFunc(a, func(one index) bool { return one.name == of.name })
	}))
}

// searched is what one index has of a query.
type searched struct {
	lines []Line
	bytes int64
	err   error
}

// searchAmong searches some indexes. lacking are the joined indexes among them that may lack lines.
func (s *Store) searchAmong(ctx context.Context, indexes []index, q *Query, did *Read, yield func(Line) error,
	unread func(name string, err error),
) (lacking []index, err error) {
	indexes = slices.DeleteFunc(slices.Clone(indexes), func(of index) bool { return of.day < q.Since })
	for some := range slices.Chunk(indexes, parallel) {
		found, err := searchAtOnce(ctx, s, some, q)
		if err != nil {
			return nil, err
		}
		any := false
		for i, of := range some {
			did.Indexes++
			did.Bytes += found[i].bytes
			switch err := found[i].err; {
			case err == nil:
			case of.joined():
				lacking = append(lacking, of)
			case unread != nil:
				unread(of.name, err)
			}
			for _, l := range found[i].lines {
				any = true
				if err := yield(l); err != nil {
					return nil, err
				}
			}
		}
		if any && q.One {
			break
		}
	}
	return lacking, nil
}

// searchAtOnce searches a few indexes at the same time. Only one joined index is in memory at a
// time, because it may have many megabytes. The errors in the returned slice say that an index is
// damaged or not complete.
func searchAtOnce(ctx context.Context, s *Store, some []index, q *Query) ([]searched, error) {
	found := make([]searched, len(some))
	var large, matching sync.Mutex
	alone := *q
	alone.Match = func(l *Line) bool {
		matching.Lock()
		defer matching.Unlock()
		return q.Match(l)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, of := range some {
		g.Go(func() error {
			if of.joined() {
				large.Lock()
				defer large.Unlock()
			}
			f := &found[i]
			f.lines, f.bytes, f.err = s.matching(ctx, of, &alone)
			if f.err == nil || spoiled(f.err) && of.joined() || errors.Is(f.err, archive.ErrCorrupt) {
				return nil
			}
			return f.err
		})
	}
	return found, g.Wait()
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

// matching returns the lines of an index that a query wants. When the error wraps
// [archive.ErrCorrupt], there may be more such lines. n is the size of the index in bytes.
func (s *Store) matching(ctx context.Context, of index, q *Query) (out []Line, n int64, err error) {
	raw, err := s.Store.Get(ctx, of.name)
	n = int64(len(raw))
	if err == nil {
		raw, err = linesIn(ctx, s.Store, of, raw)
	}
	if err == nil || errors.Is(err, archive.ErrCorrupt) {
		var bad error
		out, bad = filter(raw, q)
		err = errors.Join(err, bad)
	}
	if !spoiled(err) || of.joined() {
		return out, n, err
	}
	all, err := remake(ctx, s.Store, of)
	if err != nil {
		return out, n, err
	}
	out = nil
	for i := range all {
		if q.Match(&all[i]) {
			out = append(out, all[i])
		}
	}
	return out, n, nil
}

// mayMatch reports whether a line has one of the texts.
func (q *Query) mayMatch(line []byte) bool {
	return len(q.Texts) == 0 || slices.ContainsFunc(q.Texts, func(text []byte) bool { return bytes.Contains(line, text) })
}

func filter(raw []byte, q *Query) (out []Line, err error) {
	for line := range bytes.Lines(raw) {
		if !bytes.HasPrefix(line, keyBegins) || !bytes.HasSuffix(line, []byte("]}\n")) {
			return nil, fmt.Errorf("%w: the line is not that of an invoice", errLine)
		}
		if !q.mayMatch(line) {
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
