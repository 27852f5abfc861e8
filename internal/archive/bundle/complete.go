package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zip"

	"ksefworker/internal/archive"
	"ksefworker/internal/plural"
)

// linesIn returns the lines of an index that follow its head. The error wraps errLine when the
// index is not complete. The indexes of earlier builds have no head. When the ZIP of such an index
// is damaged or missing, nobody can say whether the index is complete. In that case the error wraps
// [archive.ErrCorrupt], and the lines are returned with it.
func linesIn(ctx context.Context, s archive.Store, of index, raw []byte) (lines []byte, err error) {
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		return nil, fmt.Errorf("%w: the end of the index is missing", errLine)
	}
	h, err := headOf(raw)
	if err != nil {
		return nil, err
	}
	if h == nil {
		if err := of.owns(raw); err != nil {
			return nil, err
		}
		return raw, completeWithoutHead(ctx, s, of, bytes.Count(raw, newline))
	}
	if err := h.fits(of, int64(len(raw))); err != nil {
		return nil, err
	}
	lines = raw[h.size:]
	if err := of.owns(lines); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(lines)
	return lines, h.agrees(bytes.Count(lines, newline), sum[:])
}

// owns returns an error that wraps errLine if the lines of the index of a package name the ZIP of
// another package. Then another index was copied over it. All lines of such an index name one ZIP,
// so owns looks at the first.
func (of *index) owns(lines []byte) error {
	if of.joined() || len(lines) == 0 {
		return nil
	}
	first, _, _ := bytes.Cut(lines, newline)
	l, err := parseLine(append(bytes.Clone(first), newline...))
	if err != nil {
		return err
	}
	// When an index is damaged, its sound copy is beside it and names the same ZIP.
	if _, own, _ := strings.Cut(of.zips[0], folderPart); archive.WithoutCopy(own) != archive.WithoutCopy(l.Zip) {
		return fmt.Errorf("%w: the lines are those of %s", errLine, l.Zip)
	}
	return nil
}

// completeWithoutHead checks the number of lines of an index that an earlier build wrote. The index
// of a package must have a line for each invoice of its ZIP. A joined index has no ZIP to be
// compared with, so without a head it always counts as incomplete.
func completeWithoutHead(ctx context.Context, s archive.Store, of index, lines int) error {
	if of.joined() {
		return fmt.Errorf("%w: the index has no head", errLine)
	}
	const perInvoice = 2 // the document and the result
	invoices := 0
	for _, name := range of.zips {
		n, err := entriesOf(ctx, s, name)
		if err != nil {
			return err
		}
		invoices += n / perInvoice
	}
	if lines != invoices {
		return fmt.Errorf("%w: the index has %s, and its ZIP %s", errLine,
			plural.Of(lines, "line", "lines"), plural.Of(invoices, "invoice", "invoices"))
	}
	return nil
}

// entriesOf returns the number of entries of a ZIP. It reads only the record at the end, or the
// whole ZIP if that record lacks the number.
func entriesOf(ctx context.Context, s archive.Store, name string) (int, error) {
	const (
		record, total = 22, 10 // the size of the record without a comment, the place of the number in it
		more          = 0xffff // the number is in another record
	)
	_, size, err := archive.RangeOf(ctx, s, name, 0, 1)
	var end []byte
	if err == nil && size >= record {
		end, _, err = archive.RangeOf(ctx, s, name, size-record, record)
	}
	if err != nil {
		return 0, missingZIP(name, err)
	}
	if len(end) == record && bytes.HasPrefix(end, []byte("PK\x05\x06")) {
		if n := binary.LittleEndian.Uint16(end[total:]); n != more {
			return int(n), nil
		}
	}
	raw, err := s.Get(ctx, name)
	if err != nil {
		return 0, missingZIP(name, err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return 0, damagedZIP(name, err)
	}
	return len(z.File), nil
}

// missingZIP returns a missingError if err says that a ZIP was not found although an index or a
// list names it. It returns any other error unchanged.
func missingZIP(name string, err error) error {
	if errors.Is(err, archive.ErrNotFound) {
		return missingError{name}
	}
	return err
}

// missingError says that the archive lacks a ZIP that it should have. That is damage, so the error
// is an [archive.ErrCorrupt]. It is not an [archive.ErrNotFound], from which a caller would
// conclude that there never was such an object.
type missingError struct{ zip string }

func (e missingError) Error() string { return fmt.Sprintf("bundle %s is missing", e.zip) }

func (e missingError) Is(target error) bool { return target == archive.ErrCorrupt }

func damagedZIP(name string, why error) error {
	return fmt.Errorf("bundle %s: %w: %w", name, archive.ErrCorrupt, why)
}
