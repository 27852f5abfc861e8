package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"

	"ksefworker/internal/archive"
)

// merge joins parts, which are indexes of a month, into new indexes for the month up to a day. The
// lines of these are in the order of the ids. The name of each new index contains its first id,
// except for the index with the lowest ids. So the lookup of an id reads only one of them. merge
// has in memory a block of each part and at most two new indexes: the index with the lowest ids,
// which is written last, and the index that is being filled. If a part cannot be read, failed is
// that part.
func (s *Store) merge(ctx context.Context, folder, day string, parts []index) (failed index, err error) {
	out := &joining{s: s.Store, name: func(_ int, first string) string { return monthName(folder, day, first) },
		zips: map[string]bool{}}
	readers := make([]*lineReader, len(parts))
	for i, of := range parts {
		readers[i] = &lineReader{s: s.Store, of: of, sum: sha256.New()}
		if err := readers[i].next(ctx); err != nil {
			return of, err
		}
	}
	var raw, last []byte
	first := ""
	for {
		lowest := -1
		for i, r := range readers {
			if r.line != nil && (lowest < 0 || bytes.Compare(r.line, readers[lowest].line) < 0) {
				lowest = i
			}
		}
		if lowest < 0 {
			break
		}
		r := readers[lowest]
		if !bytes.Equal(r.line, last) {
			// The lines of one id stay together.
			if key, before := r.key, keyText(last); len(raw)+len(r.line) > s.joined && key != before {
				if err := out.put(ctx, raw, first, key); err != nil {
					return index{}, err
				}
				raw, first = nil, key
			}
			raw = append(raw, r.line...)
			last = r.line
			out.zips[r.zip] = true
		}
		if err := r.next(ctx); err != nil {
			return parts[lowest], err
		}
	}
	if err := out.put(ctx, raw, first, ""); err != nil {
		return index{}, err
	}
	return index{}, out.end(ctx)
}

func keyText(line []byte) string {
	key, _ := keyOf(line)
	return key
}

// lineReader reads an index line by line, a block at a time.
type lineReader struct {
	s    archive.Store
	of   index
	head *head // nil when the index has none, or before the first block
	at   int64 // of the next block
	size int64 // of the index; 0 before the first block
	rest []byte
	line []byte // nil at the end
	key  string
	zip  string    // that the line names
	n    int       // lines so far
	sum  hash.Hash // of these lines
}

// next reads the next line. The bytes of the line before stay as they are.
func (r *lineReader) next(ctx context.Context) error {
	for {
		if i := bytes.IndexByte(r.rest, '\n'); i >= 0 {
			line := r.rest[:i+1]
			key, err := keyOf(line)
			if err == nil && key < r.key {
				err = fmt.Errorf("%w: the lines are not in order", errLine)
			}
			var l Line
			if err == nil {
				l, err = parseLine(line)
			}
			if err != nil {
				return err
			}
			r.rest, r.line, r.key, r.zip, r.n = r.rest[i+1:], line, key, l.Zip, r.n+1
			r.sum.Write(line)
			return nil
		}
		if r.at > 0 && r.at >= r.size {
			return r.end()
		}
		if len(r.rest) > maxLine {
			return fmt.Errorf("%w: the line has no end", errLine)
		}
		more, size, err := archive.RangeOf(ctx, r.s, r.of.name, r.at, blockSize)
		if err != nil {
			return err
		}
		if len(more) == 0 && size > r.at {
			return fmt.Errorf("%w: the end of the index is missing", errLine)
		}
		if r.at == 0 {
			if more, err = r.begin(ctx, more, size); err != nil {
				return err
			}
		}
		r.rest = append(bytes.Clone(r.rest), more...)
		r.at, r.size = r.at+blockSize, size
	}
}

// begin checks that the index has all its lines, as far as the first block can tell, and takes the
// head off that block. The whole of an index without a head is checked at once.
func (r *lineReader) begin(ctx context.Context, block []byte, size int64) (lines []byte, err error) {
	if r.head, err = headOf(block); err != nil {
		return nil, err
	}
	if r.head == nil {
		_, err := readWhole(ctx, r.s, r.of)
		return block, err
	}
	lines = block[r.head.size:]
	if err := r.head.fits(r.of, size); err != nil || !bytes.Contains(lines, newline) {
		return lines, err
	}
	return lines, r.of.owns(lines)
}

func (r *lineReader) end() error {
	r.line = nil
	if len(r.rest) > 0 {
		return fmt.Errorf("%w: the end of the index is missing", errLine)
	}
	if r.head != nil {
		return r.head.agrees(r.n, r.sum.Sum(nil))
	}
	return nil
}
