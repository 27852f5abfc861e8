package bundle

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
)

// parallel is how many objects are asked for at the same time, because a bucket answers slowly.
const parallel = 8

// index is one index of a shelf.
type index struct {
	name string // of the object, which may be missing when zips is not empty
	// day is the folder of its ZIPs, "2026-11-26".
	day string
	// zips are the ZIPs from which the index can be made again. There are none for a joined index,
	// whose ZIPs are in the folders of the days.
	zips []string
	// missing says that there was no such index when the day was listed.
	missing bool
	// unlisted says why the folder of the day cannot be listed. Then the index stands for all
	// indexes of the day.
	unlisted error
	// parts is how many indexes of the same joined day or month the folder has.
	parts int
	// A joined index of a month has lines of all days up to day. Their ids are at least first and
	// less than next; "" means no bound.
	month       bool
	first, next string
}

// joined reports whether an index was joined from those of packages.
func (of *index) joined() bool { return len(of.zips) == 0 }

// mayHave reports whether an index can have an id.
func (of *index) mayHave(id string) bool {
	return id >= of.first && (of.next == "" || id < of.next)
}

// shelf lists the indexes of one seller and month. It leaves out the indexes from which a joined
// index was made. They stay in the folder, because this program never changes or removes a ZIP or
// an index.
type shelf struct {
	folder  string // "<NIP>/<month>/packages"
	indexes []index
}

// list asks which indexes a folder has. This takes one request, and one more for each day that was
// not joined.
func list(ctx context.Context, s archive.Store, folder string) (*shelf, error) {
	return listBy(ctx, s, folder, func(day string) ([]index, error) { return listDay(ctx, s, folder, day) })
}

// listBy does what list does, with a function that lists one day.
func listBy(ctx context.Context, s archive.Store, folder string, ofDay func(day string) ([]index, error)) (*shelf, error) {
	names, err := archive.ListIn(ctx, s, folder)
	if err != nil {
		return nil, err
	}
	joined, open := joinedOf(folder, names)
	sh := &shelf{folder: folder, indexes: joined}
	of, err := listDays(open, ofDay)
	if err != nil {
		return nil, err
	}
	sh.indexes = append(sh.indexes, of...)
	slices.SortFunc(sh.indexes, func(a, b index) int { return strings.Compare(a.name, b.name) })
	return sh, nil
}

// joinedOf returns the joined indexes that readers of a folder use, and the days that are in none
// of these. A set of joined indexes is used only when all of it was written. Of several sets for
// the month, only the newest is used.
func joinedOf(folder string, names []string) (indexes []index, open []string) {
	joined := map[string][]string{}
	indexes, until := newestMonth(folder, names)
	for _, name := range names {
		if day := path.Base(name); isDay(day) {
			if day > until {
				open = append(open, day)
			}
		} else if day, ok := joinedDay(name); ok && day > until {
			joined[day] = append(joined[day], name)
		}
	}
	for day, names := range joined {
		// The index without a number is written last. When it is there, all others of the day were
		// written.
		if slices.Contains(names, joinedName(folder, day, 0)) {
			for _, name := range names {
				indexes = append(indexes, index{name: name, day: day, parts: len(names)})
			}
		} else {
			delete(joined, day)
		}
	}
	return indexes, slices.DeleteFunc(open, func(day string) bool { return joined[day] != nil })
}

// behind lists the indexes of the packages whose lines some joined indexes should have.
func behind(ctx context.Context, s archive.Store, folder string, joined []index) ([]index, error) {
	names, err := archive.ListIn(ctx, s, folder)
	if err != nil {
		return nil, err
	}
	var days []string
	for _, name := range names {
		day := path.Base(name)
		if isDay(day) && slices.ContainsFunc(joined, func(of index) bool { return day == of.day || of.month && day < of.day }) {
			days = append(days, day)
		}
	}
	return listDays(days, func(day string) ([]index, error) { return listDay(ctx, s, folder, day) })
}

func listDays(days []string, ofDay func(day string) ([]index, error)) (all []index, err error) {
	found := make([][]index, len(days))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, day := range days {
		g.Go(func() (err error) {
			found[i], err = ofDay(day)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// listDay lists the indexes of a day. For a ZIP without an index it lists a missing index, which
// can be made from the ZIP. An index whose ZIP is missing is listed too, so that its invoices are
// not taken for invoices that the archive never had. A day that cannot be listed counts as one
// damaged index of a damaged ZIP, both with the name of its folder.
func listDay(ctx context.Context, s archive.Store, folder, day string) ([]index, error) {
	name := folder + "/" + day
	names, err := archive.ListIn(ctx, s, name)
	if errors.Is(err, archive.ErrCorrupt) {
		return []index{{name: name, day: day, zips: []string{name}, unlisted: err}}, nil
	}
	if err != nil {
		return nil, err
	}
	var all []index
	for _, name := range names {
		if base, ok := strings.CutSuffix(name, zipSuffix); ok {
			_, found := slices.BinarySearch(names, base+indexSuffix)
			all = append(all, index{name: base + indexSuffix, day: day, zips: []string{name}, missing: !found})
		}
		if base, ok := strings.CutSuffix(name, indexSuffix); ok {
			if _, found := slices.BinarySearch(names, base+zipSuffix); !found {
				all = append(all, index{name: name, day: day, zips: []string{base + zipSuffix}})
			}
		}
	}
	return all, nil
}

const monthPrefix = "to-"

// monthName returns the name of a joined index of the month up to a day. first is the first id of
// the index, or "" for the index with the lowest ids. That index is written last, so when it is
// there, all others were written.
func monthName(folder, day, first string) string {
	if first == "" {
		return folder + "/" + monthPrefix + day + indexSuffix
	}
	return folder + "/" + monthPrefix + day + "-" + first + indexSuffix
}

// newestMonth returns the newest joined indexes of the month, and the day up to which they go. It
// returns nil and "" when there are none. names must be sorted.
func newestMonth(folder string, names []string) (parts []index, until string) {
	for _, name := range names {
		base, ok := strings.CutPrefix(strings.TrimSuffix(path.Base(name), indexSuffix), monthPrefix)
		if ok && isDay(base) && name == monthName(folder, base, "") {
			until = max(until, base)
		}
	}
	if until == "" {
		return nil, ""
	}
	parts = append(parts, index{name: monthName(folder, until, ""), day: until, month: true})
	for _, name := range names {
		first, ok := strings.CutPrefix(name, folder+"/"+monthPrefix+until+"-")
		if first, isIndex := strings.CutSuffix(first, indexSuffix); ok && isIndex {
			parts[len(parts)-1].next = first
			parts = append(parts, index{name: name, day: until, month: true, first: first})
		}
	}
	for i := range parts {
		parts[i].parts = len(parts)
	}
	return parts, until
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// joinedName returns the name of the n-th index of a day that was joined. The index with n = 0 is
// written last, and its name has no number.
func joinedName(folder, day string, n int) string {
	if n == 0 {
		return folder + "/" + day + indexSuffix
	}
	return fmt.Sprintf("%s/%s-%d%s", folder, day, n, indexSuffix)
}

// joinedDay returns the day in a name that joinedName made.
func joinedDay(name string) (day string, ok bool) {
	base, ok := strings.CutSuffix(path.Base(name), indexSuffix)
	if !ok || len(base) < len(time.DateOnly) {
		return "", false
	}
	day = base[:len(time.DateOnly)]
	return day, isDay(day)
}

// placeOf splits the name of a document or result into the folder of its bundles and its id. ok is
// false for every other name, such as those of receipts, bodies, copies and bundles.
func placeOf(name string) (folder, id, suffix string, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return "", "", "", false
	}
	suffix = path.Ext(parts[2])
	id = strings.TrimSuffix(parts[2], suffix)
	_, err := time.Parse("2006-01", parts[1])
	if err != nil || id == "" || strings.Contains(id, ".") || suffix != xmlSuffix && suffix != jsonSuffix {
		return "", "", "", false
	}
	return archive.BundlesFolder(parts[0], parts[1]), id, suffix, true
}
