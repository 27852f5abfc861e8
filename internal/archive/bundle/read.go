package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"ksefworker/internal/archive"
)

// maxDocument bounds the memory for one document, whatever a damaged index says.
const maxDocument = 64 << 20

// read returns the document (".xml") or result (".json") of a line. The error wraps
// [archive.ErrCorrupt] when the ZIP is missing, when the line names no possible place in it, or
// when the ZIP has something else at that place.
func read(ctx context.Context, s archive.Store, folder string, l Line, suffix string) ([]byte, error) {
	name, p := folder+"/"+l.Zip, l.JSON
	if suffix == xmlSuffix {
		p = l.XML
	}
	damaged := func(why error) error {
		return fmt.Errorf("%s of %s in bundle %s: %w: %w", suffix[1:], l.ID, name, archive.ErrCorrupt, why)
	}
	if p == (Part{}) {
		return nil, damaged(errors.New("the ZIP does not have it"))
	}
	if p.At <= 0 || p.Stored <= 0 || p.Stored > maxDocument || p.Size < 0 || p.Size > maxDocument {
		return nil, damaged(errors.New("the place that the index names cannot be right"))
	}
	stored, _, err := archive.RangeOf(ctx, s, name, p.At, p.Stored)
	if errors.Is(err, archive.ErrNotFound) {
		return nil, fmt.Errorf("%s of %s: %w", suffix[1:], l.ID, missingZIP(name, err))
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(stored)), p.Size+1))
	switch {
	case err != nil:
		return nil, damaged(err)
	case int64(len(data)) != p.Size || crc32.ChecksumIEEE(data) != p.CRC:
		return nil, damaged(errors.New("the CRC-32 does not agree"))
	case suffix == xmlSuffix:
		if sum := sha256.Sum256(data); base64.StdEncoding.EncodeToString(sum[:]) != l.Hash {
			return nil, damaged(errors.New("the SHA-256 does not agree"))
		}
	}
	return data, nil
}
