package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
)

// Store is an archive whose Get finds documents and results in bundles too, under the names that
// they have as objects of their own. Everything else is as in the archive below. Safe for
// concurrent use.
type Store struct {
	archive.Store
	blocks blocks
	joined int // maxJoined, except in tests
	memory memory
}

// Over returns an archive that also finds what is in the bundles of s.
func Over(s archive.Store) *Store {
	if over, ok := s.(*Store); ok {
		return over
	}
	return &Store{Store: s, joined: maxJoined, memory: newMemory()}
}

// Unwrap returns the archive below.
func (s *Store) Unwrap() archive.Store { return s.Store }

// List implements [archive.Lister]. It lists objects only, not what is in bundles.
func (s *Store) List(ctx context.Context, folder string) ([]string, error) {
	return archive.ListIn(ctx, s.Store, folder)
}

// Get returns a document or result, wherever it is. A result in a bundle is final. A result that is
// an object of its own may be older.
//
// A document that is an object of its own costs one request, unless the store knows bundles of that
// seller and month. A document or result that is in a bundle, or does not exist, costs more: a list
// of the bundles of that seller and month, and about three small reads of each index. Once the
// month is over and [Store.Tidy] has joined the indexes, only one index is read. The store caches
// the parts of indexes that it has read.
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	folder, id, suffix, ok := placeOf(name)
	if !ok {
		return s.Store.Get(ctx, name)
	}
	known := s.memory.shelf(folder)
	if known != nil {
		data, err := s.bundled(ctx, known, id, suffix)
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, archive.ErrNotFound) && !errors.Is(err, archive.ErrCorrupt) {
			return nil, err
		}
	}
	alone, missing := s.Store.Get(ctx, name)
	if missing == nil && (suffix != jsonSuffix || final(alone)) {
		return alone, nil
	}
	if missing != nil && !errors.Is(missing, archive.ErrNotFound) && !errors.Is(missing, archive.ErrCorrupt) {
		return nil, missing
	}
	now, err := s.renew(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	data, err := s.bundled(ctx, now, id, suffix)
	switch {
	case err == nil:
		return data, nil
	case missing == nil && errors.Is(err, errListed): // the damaged bundle has a later result
		return nil, err
	case missing == nil && (errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt)):
		return alone, nil
	case errors.Is(err, archive.ErrNotFound):
		return nil, missing
	}
	return nil, err
}

// final reports whether a result never changes again.
func final(result []byte) bool {
	var r struct{ State string }
	return json.Unmarshal(result, &r) == nil && r.State == "receipted"
}

// errListed says that an index lists a document or result that its damaged bundle cannot return.
var errListed = errors.New("a damaged bundle has this document or result")

// Put implements [archive.Store]. An object that this process archives is found at once.
func (s *Store) Put(ctx context.Context, name string, data []byte, contentType string) error {
	err := s.Store.Put(ctx, name, data, contentType)
	if strings.Contains(name, folderPart) {
		s.memory.forgetLists()
	}
	return err
}

// bundled returns a document or result from the first bundle that has it whole. Bundles that no
// joined index names are asked last.
func (s *Store) bundled(ctx context.Context, in *shelf, id, suffix string) ([]byte, error) {
	lines, unsure := s.find(ctx, in, id)
	data, whole, bad := firstWhole(ctx, s.Store, in.folder, lines, suffix)
	if whole {
		return data, nil
	}
	if bad = errors.Join(bad, unsure); bad == nil || errors.Is(bad, archive.ErrCorrupt) {
		others, err := beside(ctx, s, in)
		if err != nil {
			return nil, err
		}
		more, _, damaged := s.findAmong(ctx, others, id)
		if damaged != nil && !errors.Is(damaged, archive.ErrCorrupt) {
			return nil, damaged
		}
		data, whole, err := firstWhole(ctx, s.Store, in.folder, more, suffix)
		if whole {
			return data, nil
		}
		lines, bad = append(lines, more...), errors.Join(bad, damaged, err)
	}
	switch {
	case len(lines) > 0:
		return nil, fmt.Errorf("%w: %w", errListed, bad)
	case bad != nil:
		return nil, bad
	}
	return nil, archive.ErrNotFound
}

// firstWhole reads the document or result of the first line whose bundle has it whole. When there
// is no such line, bad says what is wrong with the bundles, or that the archive does not answer.
func firstWhole(ctx context.Context, s archive.Store, folder string, lines []Line, suffix string) (data []byte, whole bool, bad error) {
	for _, l := range lines {
		data, err := read(ctx, s, folder, l, suffix)
		if err == nil {
			return data, true, nil
		}
		if !errors.Is(err, archive.ErrCorrupt) {
			return nil, false, err
		}
		bad = errors.Join(bad, err)
	}
	return nil, false, bad
}

// find returns the lines with an id from all indexes of a shelf. In place of joined indexes that
// are not complete it asks the indexes of the packages. When an index can neither be read nor made
// again, find still returns the lines of the other indexes, and err wraps [archive.ErrCorrupt]. Any
// other error says that the archive could not be asked.
func (s *Store) find(ctx context.Context, in *shelf, id string) (lines []Line, err error) {
	lines, lacking, damaged := s.findAmong(ctx, in.indexes, id)
	if len(lacking) == 0 || damaged != nil && !errors.Is(damaged, archive.ErrCorrupt) {
		return lines, damaged
	}
	packages, err := s.behindThese(ctx, in.folder, lacking)
	if err != nil {
		return nil, err
	}
	more, _, err := s.findAmong(ctx, packages, id)
	return append(lines, more...), errors.Join(damaged, err)
}

// findAmong returns the lines with an id from some indexes. lacking are the joined indexes among
// them that may lack lines.
func (s *Store) findAmong(ctx context.Context, indexes []index, id string) (lines []Line, lacking []index, err error) {
	found, failed := make([][]Line, len(indexes)), make([]error, len(indexes))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, of := range indexes {
		if !of.mayHave(id) {
			continue
		}
		g.Go(func() (err error) {
			found[i], err = s.findIn(ctx, of, id)
			if spoiled(err) {
				failed[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var damaged error
	for i := range indexes {
		lines = append(lines, found[i]...)
		switch {
		case failed[i] != nil && indexes[i].joined():
			lacking = append(lacking, indexes[i])
		case failed[i] != nil:
			damaged = errors.Join(damaged, failed[i])
		}
	}
	return lines, lacking, damaged
}

// findIn returns the lines with an id from one index. A line that is there counts, whatever else
// the index may lack. When there is none, the index must be complete. If it is not, the index of a
// package is made again from its ZIP, and a joined index gives an error.
func (s *Store) findIn(ctx context.Context, of index, id string) ([]Line, error) {
	all, ok := s.memory.madeAgain(of.name)
	if !ok {
		d, digested := s.memory.digest(of.name)
		if digested && !d.mayHave(id) {
			return nil, nil
		}
		lines, complete, size, err := s.blocks.find(ctx, s.Store, of, id)
		if err == nil && !digested && s.memory.digestIsDue(of.name, size) {
			s.memory.makeDigest(ctx, s.Store, of)
		}
		switch {
		case err != nil && !spoiled(err):
			return nil, err
		case err == nil && (complete || len(lines) > 0 || s.memory.isComplete(of.name)):
			return lines, nil
		case err == nil && of.joined():
			return nil, fmt.Errorf("%w: the index has no head", errLine)
		case of.joined():
			return nil, err
		}
		if all, err = s.whole(ctx, of); err != nil {
			return nil, err
		}
	}
	var lines []Line
	for _, l := range all {
		if l.ID == id {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// whole reads the index of a package whole, or makes it again, and remembers which of the two it
// was.
func (s *Store) whole(ctx context.Context, of index) ([]Line, error) {
	all, err := readWhole(ctx, s.Store, of)
	if err == nil {
		s.memory.keepComplete(of.name)
		return all, nil
	}
	if !spoiled(err) {
		return nil, err
	}
	if all, err = remake(ctx, s.Store, of); err != nil {
		return nil, err
	}
	s.memory.keepMade(of.name, all)
	return all, nil
}

// behindThese lists the indexes of the packages whose lines some joined indexes should have. The
// list is kept in memory, because a day hardly ever gets another package once its indexes are
// joined. When this process archives a package, the list is made again.
func (s *Store) behindThese(ctx context.Context, folder string, joined []index) (packages []index, err error) {
	packages, ok := s.memory.behindThese(joined)
	if ok {
		return packages, nil
	}
	if packages, err = behind(ctx, s.Store, folder, joined); err == nil {
		s.memory.keepBehind(joined, packages)
	}
	return packages, err
}

// renew lists a folder, and remembers the list if it has bundles. The list of a day's folder is
// used again if it is less than a second old; see fresh.
func (s *Store) renew(ctx context.Context, folder string) (*shelf, error) {
	now, err := listBy(ctx, s.Store, folder, func(day string) ([]index, error) {
		name := folder + "/" + day
		if indexes, ok := s.memory.recent(name); ok {
			return indexes, nil
		}
		at := time.Now()
		indexes, err := listDay(ctx, s.Store, folder, day)
		if err == nil {
			s.memory.keepDay(name, listedDay{at, indexes})
		}
		return indexes, err
	})
	if err != nil || len(now.indexes) == 0 {
		return now, err
	}
	s.memory.keepShelf(folder, now)
	return now, nil
}
