package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
)

// maxResult is far above the largest result.
const maxResult = 1 << 20

// load reads an index whole. An index that is missing or damaged is made again in memory. It is
// made from its ZIPs or, if it was joined, from the indexes of the packages. The error wraps
// [archive.ErrCorrupt] when a ZIP is damaged too.
func load(ctx context.Context, s archive.Store, of index) ([]Line, error) {
	raw, err := s.Get(ctx, of.name)
	if err == nil {
		lines, bad := decodeLines(raw)
		if bad == nil {
			return lines, nil
		}
		err = bad
	}
	if !spoiled(err) {
		return nil, err
	}
	return remake(ctx, s, of)
}

// spoiled reports whether an error says that an index is missing or damaged, as opposed to an
// archive that does not answer.
func spoiled(err error) bool {
	return errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) || errors.Is(err, errLine)
}

func remake(ctx context.Context, s archive.Store, of index) (lines []Line, err error) {
	if len(of.zips) == 0 {
		if lines, err = loadDays(ctx, s, of); err != nil {
			return nil, err
		}
	}
	for _, name := range of.zips {
		raw, err := s.Get(ctx, name)
		if errors.Is(err, archive.ErrNotFound) {
			err = fmt.Errorf("%w: %w", archive.ErrCorrupt, err) // it was listed a moment ago
		}
		if err != nil {
			return nil, err
		}
		more, err := linesOfZIP(name, raw)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	slices.SortFunc(lines, compareLines)
	return slices.Compact(lines), nil
}

// loadDays reads the lines of a joined index from the indexes of the packages that it was made
// from.
func loadDays(ctx context.Context, s archive.Store, of index) (lines []Line, err error) {
	place, _, _ := strings.Cut(of.name, folderPart)
	folder, days := place+strings.TrimSuffix(folderPart, "/"), []string{of.day}
	if of.month {
		names, err := archive.ListIn(ctx, s, folder)
		if err != nil {
			return nil, err
		}
		days = nil
		for _, name := range names {
			if day := path.Base(name); strings.HasSuffix(name, "/") && isDay(day) && day <= of.day {
				days = append(days, day)
			}
		}
	}
	for _, day := range days {
		parts, err := listDay(ctx, s, folder, day)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			more, err := load(ctx, s, part)
			if err != nil {
				return nil, err
			}
			lines = append(lines, slices.DeleteFunc(more, func(l Line) bool { return !of.mayHave(l.ID) })...)
		}
	}
	return lines, nil
}

// linesOfZIP makes the index of a ZIP from what is in it.
func linesOfZIP(name string, raw []byte) ([]Line, error) {
	damaged := func(err error) error {
		return fmt.Errorf("bundle %s: %w: %w", name, archive.ErrCorrupt, err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, damaged(err)
	}
	_, from, _ := strings.Cut(name, folderPart)
	entries := map[string]*zip.File{}
	for _, f := range z.File {
		entries[f.Name] = f
	}
	var lines []Line
	for _, f := range z.File {
		id, isResult := strings.CutSuffix(f.Name, jsonSuffix)
		if !isResult {
			continue
		}
		l := Line{ID: id, Zip: from}
		document, err := open(f, maxResult)
		if err == nil {
			err = json.Unmarshal(document, &struct {
				Number     *string `json:"number"`
				KsefNumber *string `json:"ksef_number"`
				IssueDate  *string `json:"issue_date"`
				Hash       *string `json:"hash"`
			}{&l.Number, &l.KsefNumber, &l.IssueDate, &l.Hash})
		}
		if err == nil {
			l.JSON, err = partOf(f)
		}
		if doc := entries[id+xmlSuffix]; err == nil && doc != nil {
			l.XML, err = partOf(doc)
		}
		if err != nil {
			return nil, damaged(fmt.Errorf("%s: %w", f.Name, err))
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func partOf(f *zip.File) (Part, error) {
	at, err := f.DataOffset()
	return Part{At: at, Stored: int64(f.CompressedSize64), Size: int64(f.UncompressedSize64), CRC: f.CRC32}, err
}

// open reads an entry of at most max bytes.
func open(f *zip.File, max int64) ([]byte, error) {
	if int64(f.UncompressedSize64) > max {
		return nil, fmt.Errorf("it has over %d bytes", max)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	return data, errors.Join(err, r.Close())
}
