package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
)

// Results calls yield with every result of a folder. document says whether the ZIP lists the
// document too. Results reads each ZIP whole, one at a time. If a ZIP cannot be read whole, Results
// reads its other results by the index of the ZIP. A result that is in two ZIPs comes twice.
// Results calls the function unread, if it is not nil, with each ZIP that is damaged, or is missing
// although an index names it. It does not call unread with a ZIP whose results are all in other
// ZIPs.
func (s *Store) Results(ctx context.Context, folder string, yield func(id string, result []byte, document bool) error,
	unread func(name string, err error),
) error {
	names, err := archive.ListIn(ctx, s.Store, folder)
	if errors.Is(err, archive.ErrCorrupt) {
		if unread != nil {
			unread(folder, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	var days []string
	for _, name := range names {
		if day := path.Base(name); strings.HasSuffix(name, "/") || isDay(day) {
			days = append(days, day)
		}
	}
	var bad []unreadZIP
	listed := map[string]bool{} // the ZIPs that are listed; true for a sound one
	for _, day := range days {
		parts, err := listDay(ctx, s.Store, folder, day)
		if err != nil {
			return err
		}
		if len(parts) == 1 && parts[0].unlisted != nil {
			if unread != nil {
				unread(parts[0].name, parts[0].unlisted)
			}
			continue
		}
		for _, of := range parts {
			read := map[string]bool{}
			err := s.resultsOf(ctx, of.zips[0], func(id string, result []byte, document bool) error {
				read[id] = true
				return yield(id, result, document)
			})
			listed[of.zips[0]] = err == nil
			if errors.Is(err, archive.ErrCorrupt) {
				z := unreadZIP{name: of.zips[0], err: err, index: &of}
				if z.rescued, err = rescue(ctx, s.Store, folder, &of, read, yield); err != nil {
					return err
				}
				bad = append(bad, z)
				continue
			}
			if err != nil {
				return err
			}
		}
	}
	if unread == nil {
		return nil
	}
	joined, _ := joinedOf(folder, names)
	gone, err := s.gone(ctx, folder, joined, listed)
	if err != nil {
		return err
	}
	return s.tellUnread(ctx, folder, append(bad, gone...), listed, unread)
}

// unreadZIP is a ZIP that could not be read whole.
type unreadZIP struct {
	name  string
	err   error
	index *index   // its own index; nil when that is missing too
	ids   []string // its invoices, when index is nil
	// rescued is how many of its results were read by its index.
	rescued int
}

// rescue calls yield with the results of a damaged ZIP that its index leads to. It leaves out the
// ids in whole, whose results were read before. A ZIP that lost only its end still has all its
// results.
func rescue(ctx context.Context, s archive.Store, folder string, of *index, whole map[string]bool,
	yield func(id string, result []byte, document bool) error,
) (n int, err error) {
	lines, err := readWhole(ctx, s, *of)
	if err != nil {
		if spoiled(err) {
			err = nil
		}
		return 0, err
	}
	if _, _, err := archive.RangeOf(ctx, s, of.zips[0], 0, 1); errors.Is(err, archive.ErrNotFound) {
		return 0, nil // the ZIP is gone, so its lines lead nowhere
	}
	for _, l := range lines {
		if whole[l.ID] {
			continue
		}
		result, err := read(ctx, s, folder, l, jsonSuffix)
		if errors.Is(err, archive.ErrCorrupt) {
			continue
		}
		if err == nil {
			n++
			err = yield(l.ID, result, l.XML.Size > 0)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// gone returns the ZIPs that only joined indexes name: neither they nor their indexes are listed.
func (s *Store) gone(ctx context.Context, folder string, joined []index, listed map[string]bool) ([]unreadZIP, error) {
	ids := map[string][]string{}
	for _, of := range joined {
		lines, err := readWhole(ctx, s.Store, of)
		if err != nil && !spoiled(err) {
			return nil, err
		}
		for i := range lines {
			name := folder + "/" + lines[i].Zip
			if _, here := listed[name]; !here {
				ids[name] = append(ids[name], lines[i].ID)
			}
		}
	}
	var all []unreadZIP
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		all = append(all, unreadZIP{name: name, err: missingZIP(name, archive.ErrNotFound), ids: ids[name]})
	}
	return all, nil
}

// tellUnread calls unread with the ZIPs that have a result which no sound ZIP has. listed says of
// each ZIP that is there whether it is sound.
func (s *Store) tellUnread(ctx context.Context, folder string, bad []unreadZIP, listed map[string]bool,
	unread func(name string, err error),
) error {
	if len(bad) == 0 {
		return nil
	}
	sh, err := s.renew(ctx, folder)
	if err != nil {
		return err
	}
	for _, z := range bad {
		if z.index != nil {
			lines, err := readWhole(ctx, s.Store, *z.index)
			if err != nil && !spoiled(err) {
				return err
			}
			for i := range lines {
				z.ids = append(z.ids, lines[i].ID)
			}
		}
		elsewhere, err := s.haveAll(ctx, sh, z.ids)
		if err != nil {
			return err
		}
		switch {
		case !elsewhere:
			unread(z.name, z.err)
		case z.rescued > 0 && !hasSoundCopy(z.name, listed):
			unread(z.name, fmt.Errorf("%w; each of its results was read by its index", z.err))
		}
	}
	return nil
}

// hasSoundCopy reports whether a sound copy of a ZIP is beside it.
func hasSoundCopy(name string, listed map[string]bool) bool {
	for n := 2; ; n++ {
		sound, here := listed[archive.CopyName(name, n)]
		if sound || !here {
			return sound
		}
	}
}

// haveAll reports whether the ZIPs of a shelf have the results of all these invoices. Without any
// id it reports false, because then nobody knows which invoices the damaged ZIP had.
func (s *Store) haveAll(ctx context.Context, in *shelf, ids []string) (bool, error) {
	for _, id := range ids {
		_, err := s.bundled(ctx, in, id, jsonSuffix)
		if errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return len(ids) > 0, nil
}

func (s *Store) resultsOf(ctx context.Context, name string, yield func(id string, result []byte, document bool) error) error {
	raw, err := s.Store.Get(ctx, name)
	if err != nil {
		return missingZIP(name, err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return damagedZIP(name, err)
	}
	documents := map[string]bool{}
	for _, f := range z.File {
		if id, isDocument := strings.CutSuffix(f.Name, xmlSuffix); isDocument && f.UncompressedSize64 > 0 {
			documents[id] = true
		}
	}
	var bad error
	for _, f := range z.File {
		id, isResult := strings.CutSuffix(f.Name, jsonSuffix)
		if !isResult {
			continue
		}
		result, err := open(f, maxResult)
		if err != nil { // the other results of this ZIP are still good
			bad = fmt.Errorf("%s in bundle %s: %w: %w", f.Name, name, archive.ErrCorrupt, err)
			continue
		}
		if err := yield(id, result, documents[id]); err != nil {
			return err
		}
	}
	return bad
}
