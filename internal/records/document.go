package records

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/results"
)

// HashOf returns the SHA-256 of a document as KSeF writes it, in Base64.
func HashOf(document []byte) string {
	sum := sha256.Sum256(document)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Missing reports whether an error of Document or Receipt says that the archive lacks the object,
// that the object is damaged, or that the result names no receipt. Every other error says that the
// archive could not be asked.
func Missing(err error) bool {
	return errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) || errors.Is(err, ErrNoReceipt)
}

// Document returns the document of a result. Its bytes have the hash of the result. The error wraps
// [archive.ErrNotFound] when no object under the names of the result has this hash, and
// [archive.ErrCorrupt] when one of these objects is damaged, because it may have had the hash.
func (r *Reader) Document(ctx context.Context, of results.Result) ([]byte, error) {
	ids := []string{of.ID}
	// KSeF may have the invoice in other bytes than were handed in. The document with those bytes
	// can have the name that follows from its own hash.
	if sum, err := base64.StdEncoding.DecodeString(of.Hash); err == nil && len(sum) == sha256.Size {
		own := ledger.InvoiceID(ledger.Identity{NIP: of.NIP, Kind: of.Kind, Number: of.Number}, [32]byte(sum))
		if own != of.ID {
			ids = append(ids, own)
		}
	}
	other := 0
	var bad damaged
	for _, id := range ids {
		base := archive.InvoiceName(of.NIP, of.IssueDate, id)
		for n := 1; n <= maxCopies; n++ {
			name := archive.CopyName(base, n)
			raw, err := r.store().Get(ctx, name)
			if errors.Is(err, archive.ErrNotFound) {
				break
			}
			if errors.Is(err, archive.ErrCorrupt) {
				bad = append(bad, damagedObject{name, err})
				continue
			}
			if err != nil {
				return nil, err
			}
			if HashOf(raw) == of.Hash {
				bad.tell(r, true)
				return raw, nil
			}
			other++
		}
	}
	bad.tell(r, false)
	if len(bad) > 0 {
		return nil, fmt.Errorf("document of %s: %w", of.ID, bad[0].err)
	}
	if other > 0 {
		return nil, fmt.Errorf("document of %s: %w: %s its names, none with the hash %s",
			of.ID, archive.ErrNotFound, plural.Of(other, "other document has", "other documents have"), of.Hash)
	}
	return nil, fmt.Errorf("document of %s: %w", of.ID, archive.ErrNotFound)
}

// Receipt is a UPO as it is kept.
type Receipt struct {
	Name   string // in the archive
	Raw    []byte
	Parsed ksef.Receipt
}

// ReceiptOf is Receipt for a caller that hands the receipt out as proof of the invoice. The error
// also says when the receipt does not attest the invoice (see Attests).
func (r *Reader) ReceiptOf(ctx context.Context, of results.Result) (Receipt, error) {
	receipt, err := r.Receipt(ctx, of)
	if err == nil {
		err = receipt.Attests(of)
	}
	if err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

// Lost reports whether an error of Document, Receipt or ReceiptOf says that the archive has lost
// what it should have of an invoice: the object is damaged, or it is missing although the invoice
// is receipted.
func Lost(of results.Result, err error) bool {
	return errors.Is(err, archive.ErrCorrupt) || Missing(err) && ledger.State(of.State) == ledger.Receipted
}

// Attests returns nil if the receipt lists the invoice of a result, with the hash of its document.
// Otherwise the error wraps [archive.ErrCorrupt].
func (u *Receipt) Attests(of results.Result) error {
	line, ok := u.Parsed.Line(of.KsefNumber)
	switch {
	case !ok:
		return fmt.Errorf("receipt %s: %w: it does not list %s", u.Name, archive.ErrCorrupt, of.KsefNumber)
	case line.Hash != of.Hash:
		return fmt.Errorf("receipt %s: %w: it lists %s with another document (SkrotDokumentu)", u.Name, archive.ErrCorrupt, of.KsefNumber)
	}
	return nil
}

// ErrNoReceipt says that a result names no receipt.
var ErrNoReceipt = errors.New("no receipt (UPO) is archived yet")

// receiptName returns the name in the archive of a receipt with this address.
func receiptName(address string) (name string, ok bool) {
	if u, err := url.Parse(address); err == nil && u.Scheme == "file" {
		address = u.Path // only file URLs are escaped
	}
	parts := strings.Split(address, "/")
	const components = 4 // NIP, month, upo, file
	if len(parts) < components || parts[len(parts)-2] != "upo" {
		return "", false
	}
	return strings.Join(parts[len(parts)-components:], "/"), true
}

// ReceiptName returns the name in the archive of the receipt that a result names; "" when it names
// none.
func ReceiptName(of results.Result) string {
	name, _ := receiptName(of.UPO)
	return name
}

// Receipt returns the UPO that a result names. The result has the address of the UPO, but the
// archive may have been moved since. So only the end of the address counts, which is the name in
// the archive.
func (r *Reader) Receipt(ctx context.Context, of results.Result) (Receipt, error) {
	if of.UPO == "" {
		return Receipt{}, ErrNoReceipt
	}
	name, ok := receiptName(of.UPO)
	if !ok {
		return Receipt{}, fmt.Errorf("%w: result of %s names %q as its receipt, which is not a name in an archive",
			archive.ErrNotFound, of.ID, of.UPO)
	}
	raw, err := r.Store.Get(ctx, name)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt of %s: %w", of.ID, err)
	}
	parsed, err := ksef.ParseReceipt(raw)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt of %s, %s: %w: %w", of.ID, name, archive.ErrCorrupt, err)
	}
	return Receipt{Name: name, Raw: raw, Parsed: parsed}, nil
}
