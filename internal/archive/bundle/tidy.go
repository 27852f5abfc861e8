package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/archive"
)

// maxJoined bounds the size of one joined index, and so the memory for joining: a day that has more
// gets several.
const maxJoined = 8 << 20

// openDays are those on which an index may still be written: today and yesterday, in case a task
// began before midnight or a clock is a little off.
const openDays = 2

// Tidy joins the indexes of each day that is over into one, so that an id is found with a few
// requests however many packages a day had. today is "2006-01-02".
//
// Nothing depends on it: readers use the indexes of the packages until the joined one is there. Two
// processes that tidy at once write the same bytes. A day with a damaged bundle is left as it is,
// and err says so after the others are done.
func (s *Store) Tidy(ctx context.Context, folder, today string) error {
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return fmt.Errorf("tidy %s: %w", folder, err)
	}
	sh, err := list(ctx, s.Store, folder)
	if err != nil {
		return err
	}
	days := map[string][]index{}
	for _, of := range sh.indexes {
		if len(of.zips) > 0 && of.day <= now.AddDate(0, 0, -openDays).Format(time.DateOnly) {
			days[of.day] = append(days[of.day], of)
		}
	}
	var damaged error
	for day, parts := range days {
		err := s.join(ctx, folder, day, parts)
		if err != nil && !errors.Is(err, archive.ErrCorrupt) && !errors.Is(err, archive.ErrConflict) {
			return err
		}
		damaged = errors.Join(damaged, err)
	}
	return damaged
}

// join writes the joined indexes of one day. The last one, which says that the day is whole, is
// written when all others are durable.
func (s *Store) join(ctx context.Context, folder, day string, parts []index) error {
	var names []string
	var lines []Line
	size := 0
	put := func(n int) error {
		raw, err := encodeLines(lines)
		name := joinedName(folder, day, n)
		if err == nil {
			err = s.Store.Put(ctx, name, raw, IndexType)
		}
		lines, size, names = nil, 0, append(names, name)
		return err
	}
	slices.SortFunc(parts, func(a, b index) int { return strings.Compare(a.name, b.name) })
	for _, of := range parts {
		more, err := load(ctx, s.Store, of)
		if err != nil {
			return err
		}
		if size > 0 && size+sizeOf(more) > maxJoined {
			if err := put(len(names) + 1); err != nil {
				return err
			}
		}
		lines, size = append(lines, more...), size+sizeOf(more)
	}
	if len(names) > 0 {
		if err := s.Store.Flush(ctx, names...); err != nil {
			return err
		}
	}
	if err := put(0); err != nil {
		return err
	}
	return s.Store.Flush(ctx, joinedName(folder, day, 0))
}

// sizeOf returns the bytes of some lines, roughly.
func sizeOf(lines []Line) (n int) {
	const rest = 220
	for i := range lines {
		n += rest + len(lines[i].Number) + len(lines[i].Zip)
	}
	return n
}
