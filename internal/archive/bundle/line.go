package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Line is one invoice in an index. After its head, an index has one line of JSON for each invoice,
// in the order of the ids. So an id is found without reading the whole index.
type Line struct {
	ID         string `json:"id"`
	Number     string `json:"number"`
	KsefNumber string `json:"ksef_number"`
	IssueDate  string `json:"issue_date"`
	Hash       string `json:"hash"` // SHA-256 of the document, in Base64
	// Zip is the path of the ZIP below the folder packages: "2026-11-26/<package>-<sum>.zip".
	Zip string `json:"zip"`
	XML Part   `json:"xml"`
	// JSON is the result.
	JSON Part `json:"json"`
}

// Part says where an entry of the ZIP is, so that it can be read without the rest. It has the
// offset and the number of the compressed bytes, the uncompressed size, and the CRC-32 of the
// content.
type Part struct {
	At, Stored, Size int64
	CRC              uint32
}

// MarshalJSON writes a part as [at, stored, size, crc].
func (p Part) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%d,%d,%d,%d]", p.At, p.Stored, p.Size, p.CRC), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Part) UnmarshalJSON(data []byte) error {
	var n [4]int64
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	if n[3] != int64(uint32(n[3])) {
		return fmt.Errorf("%d is not a CRC-32", n[3])
	}
	*p = Part{n[0], n[1], n[2], uint32(n[3])}
	return nil
}

// errLine says that a line of an index is damaged.
var errLine = errors.New("a line of the index is damaged")

func parseLine(raw []byte) (Line, error) {
	var l Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return Line{}, fmt.Errorf("%w: %w", errLine, err)
	}
	day, name, _ := strings.Cut(l.Zip, "/")
	if l.ID == "" || !isDay(day) || strings.Contains(name, "/") || path.Ext(name) != zipSuffix {
		return Line{}, fmt.Errorf("%w: the line has no id, or no ZIP", errLine)
	}
	return l, nil
}

// encodeLines writes the lines of an index, without its head. They are sorted by id; equal lines
// become one.
func encodeLines(lines []Line) ([]byte, error) {
	slices.SortFunc(lines, compareLines)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, l := range slices.Compact(lines) {
		if err := enc.Encode(l); err != nil {
			return nil, fmt.Errorf("write the line of %s: %w", l.ID, err)
		}
	}
	return out.Bytes(), nil
}

func compareLines(a, b Line) int {
	if n := strings.Compare(a.ID, b.ID); n != 0 {
		return n
	}
	return strings.Compare(a.Zip, b.Zip)
}

// decodeLines reads the lines of an index, without its head. One damaged line is an error, because
// the index can be made again.
func decodeLines(raw []byte) ([]Line, error) {
	out := make([]Line, 0, bytes.Count(raw, newline))
	for line := range bytes.Lines(raw) {
		l, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if !slices.IsSortedFunc(out, compareLines) {
		return nil, fmt.Errorf("%w: the lines are not in order", errLine)
	}
	return out, nil
}

var newline = []byte{'\n'}
