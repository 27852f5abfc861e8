package lenient

import (
	"bytes"
	"encoding/json"
)

// maxList is how many entries of one list are read. KSeF's pages have 1,000 at most.
const maxList = 10_000

// List is a list whose entries are decoded one by one, up to 10,000 of them. The bound is needed
// because an entry of two bytes of text can take hundreds in memory. An answer of a few megabytes
// could take gigabytes. Given is false when there is no list. TooLong says that the list has more
// than 10,000 entries; in that case Entries is nil. If an entry cannot be decoded, decoding the
// list fails.
type List[T any] struct {
	Given, TooLong bool
	Entries        []T
}

// UnmarshalJSON fails only when an entry cannot be decoded.
func (l *List[T]) UnmarshalJSON(raw []byte) error {
	*l = List[T]{}
	d := json.NewDecoder(bytes.NewReader(raw))
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return nil // not a list
	}
	l.Given, l.Entries = true, []T{}
	for d.More() {
		if len(l.Entries) == maxList {
			l.TooLong, l.Entries = true, nil
			return nil
		}
		var entry T
		if err := d.Decode(&entry); err != nil {
			return err
		}
		l.Entries = append(l.Entries, entry)
	}
	return nil
}
