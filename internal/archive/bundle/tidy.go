package bundle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/archive"
)

const (
	// maxJoined bounds the size of one joined index, and so the memory for joining. A day or month
	// that has more gets several indexes.
	maxJoined = 8 << 20

	// openDays is the number of days whose indexes may still be written. They are today and
	// yesterday, because a task may have begun before midnight or a clock may be a little off.
	openDays = 2

	// A day is joined when it has more indexes than dayIndexes, or when one of them is missing. A
	// month is joined when at least monthIndexes of its indexes are not in a joined index of the
	// month yet. Once the month is over, lateIndexes are enough. Once it has been over for
	// settledDays, one index is enough. Joining more often would write the same lines again and
	// again.
	dayIndexes, monthIndexes, lateIndexes = 8, 32, 8
	settledDays                           = 15
)

// Tidy joins the indexes of a folder, so that an id is found with a few requests however many
// packages a month had. It first joins the indexes of each day that has many or lacks one, and then
// those of the month so far. today is "2006-01-02". An index that is missing or damaged is made
// again.
//
// Nothing depends on Tidy, because readers use the indexes of the packages until a joined index is
// there. Two processes that tidy at once write the same bytes. Indexes that cannot be joined
// because a bundle is damaged stay as they are. Tidy does the rest, and then returns an error.
func (s *Store) Tidy(ctx context.Context, folder, today string) error {
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return fmt.Errorf("tidy %s: %w", folder, err)
	}
	sh, err := list(ctx, s.Store, folder)
	if err != nil {
		return err
	}
	over := now.AddDate(0, 0, -openDays).Format(time.DateOnly)
	days := map[string][]index{}
	for _, of := range sh.indexes {
		if len(of.zips) > 0 && of.day <= over {
			days[of.day] = append(days[of.day], of)
		}
	}
	var damaged error
	joined := false
	for day, parts := range days {
		if len(parts) <= dayIndexes && !slices.ContainsFunc(parts, func(of index) bool { return of.missing }) {
			continue
		}
		joined = true
		if err := s.join(ctx, folder, day, parts); err != nil && !ofOneDay(err) {
			return err
		} else if err != nil {
			damaged = errors.Join(damaged, err)
		}
	}
	if joined {
		if sh, err = list(ctx, s.Store, folder); err != nil {
			return err
		}
	}
	if err := s.joinMonth(ctx, sh, over, now); err != nil {
		damaged = errors.Join(damaged, err)
	}
	return damaged
}

// ofOneDay reports whether an error concerns one day only.
func ofOneDay(err error) bool {
	return errors.Is(err, archive.ErrCorrupt) || errors.Is(err, archive.ErrConflict)
}

// joinMonth joins the indexes of the month up to the day over, if there are enough of them.
func (s *Store) joinMonth(ctx context.Context, sh *shelf, over string, now time.Time) error {
	var parts []index
	last, fresh := "", 0
	for _, of := range sh.indexes {
		if of.day > over {
			continue
		}
		parts = append(parts, of)
		if !of.month {
			fresh++
			last = max(last, of.day)
		}
	}
	enough := monthIndexes
	if end := monthEnd(sh.folder); !end.IsZero() && now.After(end) {
		if enough = lateIndexes; now.After(end.AddDate(0, 0, settledDays)) {
			enough = 1
		}
	}
	if fresh < enough || len(parts) < 2 {
		return nil
	}
	failed, err := s.merge(ctx, sh.folder, last, parts)
	if spoiled(err) && failed.joined() && failed.name != "" { // the month is joined from the packages' indexes instead
		if parts, err = s.withoutJoined(ctx, sh.folder, parts); err == nil {
			failed, err = s.merge(ctx, sh.folder, last, parts)
		}
	}
	if spoiled(err) && len(failed.zips) > 0 { // join makes the index again, and the next Tidy joins the month
		var of []index
		for _, part := range parts {
			if part.day == failed.day {
				of = append(of, part)
			}
		}
		return errors.Join(err, s.join(ctx, sh.folder, failed.day, of))
	}
	return err
}

// withoutJoined returns parts with the indexes of the packages in place of the joined indexes.
func (s *Store) withoutJoined(ctx context.Context, folder string, parts []index) ([]index, error) {
	var joined, packages []index
	for _, of := range parts {
		if of.joined() {
			joined = append(joined, of)
		} else {
			packages = append(packages, of)
		}
	}
	more, err := behind(ctx, s.Store, folder, joined)
	return append(packages, more...), err
}

// monthEnd returns the first moment after the month of a folder; the zero time when the name of the
// folder has no month.
func monthEnd(folder string) time.Time {
	parts := strings.Split(folder, "/")
	if len(parts) < 2 {
		return time.Time{}
	}
	month, err := time.Parse("2006-01", parts[1])
	if err != nil {
		return time.Time{}
	}
	return month.AddDate(0, 1, 0)
}

// join writes the joined indexes of one day. The last one, which says that the day is whole, is
// written when all others are durable.
func (s *Store) join(ctx context.Context, folder, day string, parts []index) error {
	out := &joining{s: s.Store, name: func(n int, _ string) string { return joinedName(folder, day, n) }, zips: map[string]bool{}}
	slices.SortFunc(parts, func(a, b index) int { return strings.Compare(a.name, b.name) })
	var lines []Line
	size := 0
	put := func() error {
		raw, err := encodeLines(lines)
		if err == nil {
			err = out.put(ctx, raw, "", "")
		}
		lines, size = nil, 0
		return err
	}
	for _, of := range parts {
		more, err := load(ctx, s.Store, of)
		if err != nil {
			return err
		}
		for i := range more {
			out.zips[more[i].Zip] = true
		}
		if size > 0 && size+sizeOf(more) > s.joined {
			if err := put(); err != nil {
				return err
			}
		}
		lines, size = append(lines, more...), size+sizeOf(more)
	}
	if err := put(); err != nil {
		return err
	}
	return out.end(ctx)
}

// joining writes indexes that readers use only together. The index with the first lines is written
// last, so when it is there, all the others were written. Its head says how many indexes there are.
type joining struct {
	s     archive.Store
	name  func(n int, first string) string // first is the id of its first line
	held  []byte                           // the first lines
	next  string                           // the first id after them
	names []string                         // of the other indexes that put has written
	begun bool
	zips  map[string]bool // that the lines name
}

// put takes the lines of one index. For a month, first is the id of the index's first line, and
// next is the first id of the index that follows, "" for the last one. For a day both are "".
func (j *joining) put(ctx context.Context, lines []byte, first, next string) error {
	if !j.begun {
		j.held, j.next, j.begun = lines, next, true
		return nil
	}
	raw, err := withHead(head{Next: next}, lines)
	if err != nil {
		return err
	}
	name := j.name(len(j.names)+1, first)
	j.names = append(j.names, name)
	return j.s.Put(ctx, name, raw, IndexType)
}

func (j *joining) end(ctx context.Context) error {
	if len(j.names) > 0 {
		if err := j.s.Flush(ctx, j.names...); err != nil {
			return err
		}
	}
	h := head{Parts: len(j.names) + 1, Zips: len(j.zips), Names: fmt.Sprintf("%016x", sumOfNames(maps.Keys(j.zips))), Next: j.next}
	raw, err := withHead(h, j.held)
	if err != nil {
		return err
	}
	if err := j.s.Put(ctx, j.name(0, ""), raw, IndexType); err != nil {
		return err
	}
	return j.s.Flush(ctx, j.name(0, ""))
}

// sizeOf returns the bytes of some lines, roughly.
func sizeOf(lines []Line) (n int) {
	const rest = 220
	for i := range lines {
		n += rest + len(lines[i].Number) + len(lines[i].Zip)
	}
	return n
}
