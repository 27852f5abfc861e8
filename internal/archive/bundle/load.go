package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
)

// maxResult is far above the largest result.
const maxResult = 1 << 20

// load reads the index of a package whole. An index that is missing, damaged or not complete is
// made again from its ZIP, in memory. The error wraps [archive.ErrCorrupt] when the ZIP is damaged
// or missing, too.
func load(ctx context.Context, s archive.Store, of index) ([]Line, error) {
	lines, err := readWhole(ctx, s, of)
	if !spoiled(err) {
		return lines, err
	}
	return remake(ctx, s, of)
}

// readWhole reads the lines of an index. For an index that is missing, damaged or not complete it
// returns an error that spoiled recognizes.
func readWhole(ctx context.Context, s archive.Store, of index) ([]Line, error) {
	raw, err := s.Get(ctx, of.name)
	if err == nil {
		raw, err = linesIn(ctx, s, of, raw)
	}
	if err != nil {
		return nil, err
	}
	return decodeLines(raw)
}

// spoiled reports whether an error says that an index is missing, damaged or not complete, as
// opposed to an archive that does not answer.
func spoiled(err error) bool {
	return errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) || errors.Is(err, errLine)
}

func remake(ctx context.Context, s archive.Store, of index) (lines []Line, err error) {
	if of.unlisted != nil {
		return nil, of.unlisted
	}
	for _, name := range of.zips {
		raw, err := s.Get(ctx, name)
		if err != nil {
			return nil, missingZIP(name, err)
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

// linesOfZIP makes the index of a ZIP from what is in it.
func linesOfZIP(name string, raw []byte) ([]Line, error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, damagedZIP(name, err)
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
			return nil, damagedZIP(name, fmt.Errorf("%s: %w", f.Name, err))
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
		return nil, fmt.Errorf("the entry has over %d bytes", max)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	return data, errors.Join(err, r.Close())
}
