package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zip"
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
// each index that is damaged and cannot be made again.
func (s *Store) Search(ctx context.Context, folder string, q Query, yield func(Line) error, unread func(name string, err error)) (
	did Read, err error,
) {
	sh, err := list(ctx, s.Store, folder)
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

// Results calls yield with every result of a folder. document says whether the ZIP lists the
// document too. Results reads each ZIP whole, one at a time. What it cannot read in that way it
// reads by the index of the ZIP. A result that is in two ZIPs comes twice. Results calls the
// function unread, if it is not nil, with each ZIP that is damaged, or is missing although an index
// names it. It does not call unread with a ZIP whose results are all in other ZIPs.
func (s *Store) Results(ctx context.Context, folder string, yield func(id string, result []byte, document bool) error,
	unread func(name string, err error),
) error {
	names, err := archive.ListIn(ctx, s.Store, folder)
	if err != nil {
		return err
	}
	var days []string
	for _, name := range names {
		if sub, isFolder := strings.CutSuffix(name, "/"); isFolder {
			days = append(days, path.Base(sub))
		}
	}
	var bad []unreadZIP
	listed := map[string]bool{} // the ZIPs that are listed; true for a sound one
	for _, day := range days {
		parts, err := listDay(ctx, s.Store, folder, day)
		if err != nil {
			return err
		}
		for _, of := range parts {
			read := map[string]bool{}
			err := s.resultsOf(ctx, of.zips[0], func(id string, result []byte, document bool) error {
				read[id] = true
				return yield(id, result, document)
			})
			listed[of.zips[0]] = err == nil
			if errors.Is(err, archive.ErrCorrupt) {
				z := unreadZIP{name: of.zips[0], err: err, index: &of}
				if z.rescued, err = rescue(ctx, s.Store, folder, &of, read, yield); err != nil {
					return err
				}
				bad = append(bad, z)
				continue
			}
			if err != nil {
				return err
			}
		}
	}
	if unread == nil {
		return nil
	}
	joined, _ := joinedOf(folder, names)
	gone, err := s.gone(ctx, folder, joined, listed)
	if err != nil {
		return err
	}
	return s.tellUnread(ctx, folder, append(bad, gone...), listed, unread)
}

// unreadZIP is a ZIP that could not be read whole.
type unreadZIP struct {
	name  string
	err   error
	index *index   // its own index; nil when that is missing too
	ids   []string // its invoices, when index is nil
	// rescued is how many of its results were read by its index.
	rescued int
}

// rescue calls yield with the results of a damaged ZIP that its index leads to, without those of
// whole, which were read. A ZIP that only lost its end has all of them.
func rescue(ctx context.Context, s archive.Store, folder string, of *index, whole map[string]bool,
	yield func(id string, result []byte, document bool) error,
) (n int, err error) {
	lines, err := readWhole(ctx, s, *of)
	if err != nil {
		if spoiled(err) {
			err = nil
		}
		return 0, err
	}
	if _, _, err := archive.RangeOf(ctx, s, of.zips[0], 0, 1); errors.Is(err, archive.ErrNotFound) {
		return 0, nil // the ZIP is gone, so its lines lead nowhere
	}
	for _, l := range lines {
		if whole[l.ID] {
			continue
		}
		result, err := read(ctx, s, folder, l, jsonSuffix)
		if errors.Is(err, archive.ErrCorrupt) {
			continue
		}
		if err == nil {
			n++
			err = yield(l.ID, result, l.XML.Size > 0)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// gone returns the ZIPs that only joined indexes name: neither they nor their indexes are listed.
func (s *Store) gone(ctx context.Context, folder string, joined []index, listed map[string]bool) ([]unreadZIP, error) {
	ids := map[string][]string{}
	for _, of := range joined {
		lines, err := readWhole(ctx, s.Store, of)
		if err != nil && !spoiled(err) {
			return nil, err
		}
		for i := range lines {
			name := folder + "/" + lines[i].Zip
			if _, here := listed[name]; !here {
				ids[name] = append(ids[name], lines[i].ID)
			}
		}
	}
	var all []unreadZIP
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		all = append(all, unreadZIP{name: name, err: missingZIP(name, archive.ErrNotFound), ids: ids[name]})
	}
	return all, nil
}

// tellUnread calls unread with the ZIPs that have a result which no sound ZIP has. listed says of
// each ZIP that is there whether it is sound.
func (s *Store) tellUnread(ctx context.Context, folder string, bad []unreadZIP, listed map[string]bool,
	unread func(name string, err error),
) error {
	if len(bad) == 0 {
		return nil
	}
	sh, err := s.renew(ctx, folder)
	if err != nil {
		return err
	}
	for _, z := range bad {
		if z.index != nil {
			lines, err := readWhole(ctx, s.Store, *z.index)
			if err != nil && !spoiled(err) {
				return err
			}
			for i := range lines {
				z.ids = append(z.ids, lines[i].ID)
			}
		}
		elsewhere, err := s.haveAll(ctx, sh, z.ids)
		if err != nil {
			return err
		}
		switch {
		case !elsewhere:
			unread(z.name, z.err)
		case z.rescued > 0 && !hasSoundCopy(z.name, listed):
			unread(z.name, fmt.Errorf("%w; each of its results was read by its index", z.err))
		}
	}
	return nil
}

// hasSoundCopy reports whether a sound copy of a ZIP is beside it.
func hasSoundCopy(name string, listed map[string]bool) bool {
	for n := 2; ; n++ {
		sound, here := listed[archive.CopyName(name, n)]
		if sound || !here {
			return sound
		}
	}
}

// haveAll reports whether the ZIPs of a shelf have the results of all these invoices. Without any
// id it reports false, because then nobody knows which invoices the damaged ZIP had.
func (s *Store) haveAll(ctx context.Context, in *shelf, ids []string) (bool, error) {
	for _, id := range ids {
		_, err := s.bundled(ctx, in, id, jsonSuffix)
		if errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return len(ids) > 0, nil
}

func (s *Store) resultsOf(ctx context.Context, name string, yield func(id string, result []byte, document bool) error) error {
	raw, err := s.Store.Get(ctx, name)
	if err != nil {
		return missingZIP(name, err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return damagedZIP(name, err)
	}
	documents := map[string]bool{}
	for _, f := range z.File {
		if id, isDocument := strings.CutSuffix(f.Name, xmlSuffix); isDocument && f.UncompressedSize64 > 0 {
			documents[id] = true
		}
	}
	var bad error
	for _, f := range z.File {
		id, isResult := strings.CutSuffix(f.Name, jsonSuffix)
		if !isResult {
			continue
		}
		result, err := open(f, maxResult)
		if err != nil { // the other results of this ZIP are still good
			bad = fmt.Errorf("%s in bundle %s: %w: %w", f.Name, name, archive.ErrCorrupt, err)
			continue
		}
		if err := yield(id, result, documents[id]); err != nil {
			return err
		}
	}
	return bad
}
