package bundle

import (
	"bytes"
	"context"
	"fmt"

	"ksefworker/internal/archive"
)

// merge writes the indexes of a month up to a day, with the lines of all parts in the order of the
// ids. The name of each new index contains its first id, except for the index with the lowest ids.
// So the lookup of an id reads only one of them. merge has in memory a block of each part and at
// most two new indexes: the index with the lowest ids, which is written last, and the index that is
// being filled. failed is the part that could not be read.
func (s *Store) merge(ctx context.Context, folder, day string, parts []index) (failed index, err error) {
	out := &joining{s: s.Store, name: func(_ int, first string) string { return monthName(folder, day, first) }}
	readers := make([]*lineReader, len(parts))
	for i, of := range parts {
		readers[i] = &lineReader{s: s.Store, name: of.name}
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
				if err := out.put(ctx, raw, first); err != nil {
					return index{}, err
				}
				raw, first = nil, key
			}
			raw = append(raw, r.line...)
			last = r.line
		}
		if err := r.next(ctx); err != nil {
			return parts[lowest], err
		}
	}
	if err := out.put(ctx, raw, first); err != nil {
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
	name string
	at   int64 // of the next block
	size int64 // of the index; 0 before the first block
	rest []byte
	line []byte // nil at the end
	key  string
}

// next reads the next line. The line before stays as it is.
func (r *lineReader) next(ctx context.Context) error {
	for {
		if i := bytes.IndexByte(r.rest, '\n'); i >= 0 {
			line := r.rest[:i+1]
			key, err := keyOf(line)
			if err == nil && key < r.key {
				err = fmt.Errorf("%w: they are not in order", errLine)
			}
			if err == nil {
				_, err = parseLine(line)
			}
			if err != nil {
				return err
			}
			r.rest, r.line, r.key = r.rest[i+1:], line, key
			return nil
		}
		if r.at > 0 && r.at >= r.size {
			r.line = nil
			if len(r.rest) > 0 {
				return fmt.Errorf("%w: its end is missing", errLine)
			}
			return nil
		}
		if len(r.rest) > maxLine {
			return fmt.Errorf("%w: one has no end", errLine)
		}
		more, size, err := archive.RangeOf(ctx, r.s, r.name, r.at, blockSize)
		if err != nil {
			return err
		}
		if len(more) == 0 && size > r.at {
			return fmt.Errorf("%w: its end is missing", errLine)
		}
		r.rest = append(bytes.Clone(r.rest), more...)
		r.at, r.size = r.at+blockSize, size
	}
}
