package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"

	"ksefworker/internal/archive"
)

// A joined index hides the indexes of the packages that it was made from, and of every other
// package of the same days. So a package that came to such a day later would not be found. A
// package that is missing from a joined index made by a person would not be found either.
// Therefore, when something is not found in the joined indexes, the packages that they name are
// compared with those that the folder has.

// beside lists the indexes of the packages that none of the joined indexes of a shelf names,
// although they are of the same days. The list is kept in memory. Most joined indexes say in their
// heads how many packages they name, and a sum of the names. When the folder has exactly these
// packages of the same days, the joined indexes need not be read whole.
func beside(ctx context.Context, s *Store, in *shelf) ([]index, error) {
	joined := slices.DeleteFunc(slices.Clone(in.indexes), func(of index) bool { return !of.joined() })
	if len(joined) == 0 {
		return nil, nil
	}
	if packages, ok := s.memory.besideThese(joined); ok {
		return packages, nil
	}
	packages, err := s.behindThese(ctx, in.folder, joined)
	if err != nil {
		return nil, err
	}
	named, sum, known, err := countNamed(ctx, s, joined)
	if err != nil {
		return nil, err
	}
	if known && named == len(packages) && sum == sumOfNames(namesIn(in.folder, packages)) {
		packages = nil
	} else if packages, err = notNamed(ctx, s.Store, in.folder, joined, packages); err != nil {
		return nil, err
	}
	s.memory.keepBeside(joined, packages)
	return packages, nil
}

// countNamed returns how many ZIPs joined indexes name, and the sum of the names, as the heads of
// the indexes say. known is false when there is a joined day or month of which no index says both.
func countNamed(ctx context.Context, s *Store, joined []index) (named int, sum uint64, known bool, err error) {
	told := map[string]bool{}
	for _, of := range joined {
		first, err := s.blocks.get(ctx, s.Store, of.name, 0)
		if err != nil && !spoiled(err) {
			return 0, 0, false, err
		}
		told[of.day] = told[of.day] || false
		if h, bad := headOf(first.data); err == nil && bad == nil && h != nil && h.Zips > 0 {
			if names, bad := strconv.ParseUint(h.Names, 16, 64); bad == nil {
				named, sum, told[of.day] = named+h.Zips, sum^names, true
			}
		}
	}
	for _, ok := range told {
		if !ok {
			return 0, 0, false, nil
		}
	}
	return named, sum, true, nil
}

// namesIn returns the names of the ZIPs of packages, within the folder, as the lines of a joined
// index have them.
func namesIn(folder string, packages []index) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range packages {
			if !yield(packages[i].zips[0][len(folder)+1:]) {
				return
			}
		}
	}
}

// notNamed returns those packages that no line of a joined index names. The lines of a joined index
// that is not complete are not used.
func notNamed(ctx context.Context, s archive.Store, folder string, joined, packages []index) ([]index, error) {
	names := map[string]bool{}
	for _, of := range joined {
		raw, err := s.Get(ctx, of.name)
		if err == nil {
			raw, err = linesIn(ctx, s, of, raw)
		}
		if spoiled(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(raw) {
			if name := zipOf(line); !names[name] {
				names[name] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(packages), func(of index) bool {
		return names[of.zips[0][len(folder)+1:]]
	}), nil
}

// zipOf returns the ZIP that a line names, without parsing the rest of it. An invoice number (P_2)
// cannot look like the field "zip", because quotation marks in a number are escaped.
func zipOf(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte(`,"zip":`))
	end := bytes.IndexByte(rest, ',')
	var name string
	if end < 0 || json.Unmarshal(rest[:end], &name) != nil {
		return ""
	}
	return name
}
