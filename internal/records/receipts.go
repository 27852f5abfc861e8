package records

import (
	"bytes"
	"context"
	"errors"
	"path"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
)

// eachReceipt calls yield with each receipt of a place that is wanted and can be read. wants gets
// the bytes of a receipt and says whether it is wanted; without wants, all are. A receipt that is
// not wanted is parsed too if it is clearly not whole, because what the caller wants may be in the
// missing part. Damaged receipts are reported.
func (r *Reader) eachReceipt(ctx context.Context, p Place, wants func(raw []byte) bool,
	yield func(name string, receipt ksef.Receipt),
) error {
	names, err := listOf(ctx, r, p.folder()+"/upo")
	if err != nil {
		return err
	}
	sound, bad := map[string]bool{}, damaged{}
	for _, name := range names {
		if path.Ext(name) != ".xml" {
			continue
		}
		raw, err := r.Store.Get(ctx, name)
		var receipt ksef.Receipt
		wanted := err == nil && (wants == nil || wants(raw))
		if wanted || err == nil && !endsAsReceipt(raw) {
			if receipt, err = ksef.ParseReceipt(raw); err != nil {
				err = errors.Join(archive.ErrCorrupt, err)
			}
		}
		switch {
		case err == nil:
			sound[archive.WithoutCopy(name)] = true
			if wanted {
				yield(name, receipt)
			}
		case errors.Is(err, archive.ErrCorrupt):
			bad = append(bad, damagedObject{name, err})
		case !errors.Is(err, archive.ErrNotFound): // a person removed it just now
			return err
		}
	}
	for _, one := range bad {
		damaged{one}.tell(r, sound[archive.WithoutCopy(one.name)])
	}
	return nil
}

// endsAsReceipt reports whether a receipt has its end and has no zero bytes. A file that lost
// blocks has zero bytes in their place. endsAsReceipt is much faster than parsing the XML.
func endsAsReceipt(raw []byte) bool {
	return bytes.HasSuffix(bytes.TrimSpace(raw), []byte("Potwierdzenie>")) && bytes.IndexByte(raw, 0) < 0
}
