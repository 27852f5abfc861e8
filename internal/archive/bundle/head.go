package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
)

// head is the first line of an index. It says what follows in the index. So a reader notices when
// an index is empty, or was cut off between two lines, and does not use that index. Earlier builds
// wrote indexes without a head; see complete.go.
type head struct {
	Lines  int    `json:"lines"`  // one for each invoice
	Bytes  int64  `json:"bytes"`  // of these lines
	SHA256 string `json:"sha256"` // of these lines, in hex
	// Parts is the number of indexes into which the lines of a joined index were divided. Only the
	// index that is written last has this field.
	Parts int `json:"parts,omitempty"`
	// Zips is how many ZIPs the lines of a joined index name, in all its parts. Only the index that
	// is written last has this field. Indexes of earlier builds, and those of packages, lack it.
	Zips int `json:"zips,omitempty"`
	// Names is a sum of the names of these ZIPs; see sumOfNames. Their number alone stays the same
	// when one ZIP is lost and another comes late, but the sum of their names changes.
	Names string `json:"names,omitempty"`
	// Next is the first id of the index that follows a joined index of a month; "" for the last
	// one.
	Next string `json:"next,omitempty"`

	size int64 // of the head itself, its newline included
}

var headBegins = []byte(`{"lines":`)

// sumOfNames returns the XOR of digests of names. So the sum of several indexes is the XOR of their
// sums, in any order.
func sumOfNames(names iter.Seq[string]) (sum uint64) {
	for name := range names {
		digest := sha256.Sum256([]byte(name))
		sum ^= binary.BigEndian.Uint64(digest[:])
	}
	return sum
}

// withHead puts a head before some lines. It sets Lines, Bytes and SHA256 of the head.
func withHead(h head, lines []byte) ([]byte, error) {
	sum := sha256.Sum256(lines)
	h.Lines, h.Bytes, h.SHA256 = bytes.Count(lines, newline), int64(len(lines)), hex.EncodeToString(sum[:])
	first, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write the head of an index: %w", err)
	}
	out := make([]byte, 0, len(first)+1+len(lines))
	out = append(append(out, first...), '\n')
	return append(out, lines...), nil
}

// headOf reads the head at the beginning of an index. It returns nil when the index has none.
func headOf(begin []byte) (*head, error) {
	if !bytes.HasPrefix(begin, headBegins) {
		return nil, nil
	}
	i := bytes.IndexByte(begin, '\n')
	if i < 0 {
		return nil, fmt.Errorf("%w: the head of the index has no end", errLine)
	}
	h := &head{size: int64(i) + 1}
	if err := json.Unmarshal(begin[:i], h); err != nil {
		return nil, fmt.Errorf("%w: the head of the index: %w", errLine, err)
	}
	return h, nil
}

// fits checks the head of an index against the size of the object, and against the other indexes
// that the folder has beside it.
func (h *head) fits(of index, size int64) error {
	switch {
	case size != h.size+h.Bytes:
		return fmt.Errorf("%w: the index has %d bytes, and should have %d", errLine, size, h.size+h.Bytes)
	case h.Parts != 0 && h.Parts != of.parts, of.month && h.Next != of.next:
		return fmt.Errorf("%w: an index that follows this one is missing", errLine)
	}
	return nil
}

// agrees checks the head against the lines that were read. sum is their SHA-256.
func (h *head) agrees(lines int, sum []byte) error {
	if lines != h.Lines || hex.EncodeToString(sum) != h.SHA256 {
		return fmt.Errorf("%w: the lines are not those that the head describes", errLine)
	}
	return nil
}
