package bundle

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"ksefworker/internal/archive"
)

const (
	// blockSize is how much of an index is read at a time: about 200 lines.
	blockSize = 64 << 10
	// maxBlocks bounds the memory for blocks, to 16 MB.
	maxBlocks = 256
	// maxLine is far above the longest line: P_2 has at most 256 characters.
	maxLine = 16 << 10
)

// blocks reads indexes in blocks and caches some of them. An index never changes, so a cached block
// stays valid. blocks is safe for concurrent use.
type blocks struct {
	mu   sync.Mutex
	held map[blockKey]block
}

type blockKey struct {
	name string
	n    int64
}

type block struct {
	data []byte
	size int64 // of the whole index
}

func (c *blocks) get(ctx context.Context, s archive.Store, name string, n int64) (block, error) {
	key := blockKey{name, n}
	c.mu.Lock()
	b, ok := c.held[key]
	c.mu.Unlock()
	if ok {
		return b, nil
	}
	data, size, err := archive.RangeOf(ctx, s, name, n*blockSize, blockSize)
	if err != nil {
		return block{}, err
	}
	b = block{data, size}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[blockKey]block{}
	}
	for old := range c.held { // remove any: ids are spread evenly, so no block is used more than another
		if len(c.held) < maxBlocks {
			break
		}
		delete(c.held, old)
	}
	c.held[key] = b
	return b, nil
}

// sought is a search for one id in one index.
type sought struct {
	*blocks
	store archive.Store
	name  string // of the index
	size  int64
	lines int64 // offset of the first line, which follows the head
}

// find returns the lines with an id. It reads the first block, which has the head and comes with
// the size of the index. Then it reads the block in which the id is expected. Ids are hashes and so
// spread evenly, so find seldom needs another block. complete is false when the index has no head,
// because such an index may lack lines. size is that of the index.
func (c *blocks) find(ctx context.Context, s archive.Store, of index, id string) (lines []Line, complete bool, size int64, err error) {
	first, err := c.get(ctx, s, of.name, 0)
	if err != nil {
		return nil, false, 0, err
	}
	in := &sought{blocks: c, store: s, name: of.name, size: first.size}
	h, err := headOf(first.data)
	if err == nil && h != nil {
		in.lines = h.size
		err = h.fits(of, first.size)
	}
	if err == nil && !of.joined() && bytes.Contains(first.data[in.lines:], newline) {
		err = of.owns(first.data[in.lines:])
	}
	if err != nil {
		return nil, false, 0, err
	}
	lines, err = in.find(ctx, id)
	return lines, h != nil, first.size, err
}

func (in *sought) find(ctx context.Context, id string) ([]Line, error) {
	lo, hi := int64(0), (in.size-1)/blockSize
	at, near := int64(share(id)*float64(in.size))/blockSize, 4
	// The loop keeps two things true. Block lo is the first block or begins with a lower id. Block
	// hi+1 is after the end, or begins with the id that is looked up or a higher one.
	for lo < hi {
		at = min(max(at, lo+1), hi)
		if near--; near < 0 { // the guess and its neighbors were wrong
			at = (lo + hi + 1) / 2
		}
		begin, err := in.begin(ctx, at)
		if err != nil {
			return nil, err
		}
		if begin < in.size {
			line, err := in.line(ctx, begin)
			if err != nil {
				return nil, err
			}
			key, err := keyOf(line)
			if err != nil {
				return nil, err
			}
			if key < id {
				lo, at = at, at+1
				continue
			}
		}
		hi, at = at-1, at-1
	}
	from, err := in.begin(ctx, lo)
	if err != nil {
		return nil, err
	}
	return in.linesOf(ctx, from, id)
}

// linesOf returns the lines with an id. from is the offset of the first of them, or of a line
// before it.
func (in *sought) linesOf(ctx context.Context, from int64, id string) (out []Line, err error) {
	for from < in.size {
		raw, err := in.line(ctx, from)
		if err != nil {
			return nil, err
		}
		key, err := keyOf(raw)
		if err != nil {
			return nil, err
		}
		if key > id {
			break
		}
		if key == id {
			l, err := parseLine(raw)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
		from += int64(len(raw))
	}
	return out, nil
}

// begin returns the offset of the first line that follows a newline in block n. For block 0 it
// returns the offset of the first line of the index.
func (in *sought) begin(ctx context.Context, n int64) (int64, error) {
	if n == 0 {
		return in.lines, nil
	}
	b, err := in.get(ctx, in.store, in.name, n)
	if err != nil {
		return 0, err
	}
	i := bytes.IndexByte(b.data, '\n')
	if i < 0 && (n+1)*blockSize < in.size {
		return 0, fmt.Errorf("%w: block %d has no line", errLine, n)
	}
	if i < 0 {
		return in.size, nil
	}
	return n*blockSize + int64(i) + 1, nil
}

// line returns the line at an offset, its newline included.
func (in *sought) line(ctx context.Context, from int64) ([]byte, error) {
	var line []byte
	for at := from; len(line) <= maxLine; {
		b, err := in.get(ctx, in.store, in.name, at/blockSize)
		if err != nil {
			return nil, err
		}
		inBlock := at % blockSize
		if inBlock >= int64(len(b.data)) {
			break // the index ends without a newline
		}
		rest := b.data[inBlock:]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			return append(line, rest[:i+1]...), nil
		}
		line = append(line, rest...)
		at += int64(len(rest))
	}
	return nil, fmt.Errorf("%w: the line at %d has no end", errLine, from)
}

var keyBegins = []byte(`{"id":"`)

// keyOf returns the id of a line without parsing it.
func keyOf(line []byte) (string, error) {
	rest, ok := bytes.CutPrefix(line, keyBegins)
	end := bytes.IndexByte(rest, '"')
	if !ok || end <= 0 {
		return "", fmt.Errorf("%w: the line does not begin with an id", errLine)
	}
	return string(rest[:end]), nil
}

// share returns the share of all possible ids that are lower than an id, from 0 to 1. Ids are
// hashes in the letters a to z and the digits 2 to 7. For any other text the result is a poor
// guess.
func share(id string) float64 {
	const radix, digits = 32, 6
	_, hash, _ := strings.Cut(id, "-")
	x, unit := 0.0, 1.0
	for i := range min(len(hash), digits) {
		unit /= radix
		switch c := hash[i]; {
		case c >= 'a' && c <= 'z':
			x += float64(c-'a'+6) * unit
		case c >= '2' && c <= '7':
			x += float64(c-'2') * unit
		}
	}
	return x
}
