package intake

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Corrects names the rejected invoice that a document is the technical correction of. It is the
// invoice's id, or the SHA-256 of its bytes in hex or Base64. "" names no invoice. KSeF takes a
// technical correction of an invoice that was issued offline. The correction must say the same as
// the rejected invoice, in better XML.
type Corrects string

// Check returns an [*invoice.FieldError] when c is neither an id nor a hash, or when the lane is
// not for corrections.
func (c Corrects) Check(lane ledger.Lane) error {
	if c == "" {
		return nil
	}
	if _, isHash := c.hash(); !isHash && !strings.HasPrefix(string(c), "inv-") {
		return correctsFault(c, "is neither the id of the rejected invoice (inv-…) nor the SHA-256 of its bytes in hex or Base64",
			"enqueue results shows both")
	}
	if lane != "" && lane != ledger.Express {
		return correctsFault(c, "cannot be combined with lane "+string(lane)+
			": KSeF takes a technical correction in an online session only",
			"leave the lane out")
	}
	return nil
}

func correctsFault(c Corrects, rule, hint string) error {
	return &invoice.FieldError{Field: "corrects", Rule: rule, Value: string(c), Hint: hint}
}

// hash returns c as a hash in the form of the ledger. It returns false when c is not a hash.
func (c Corrects) hash() (string, bool) {
	sum, err := hex.DecodeString(string(c))
	if err != nil || len(sum) != sha256.Size {
		sum, err = base64.StdEncoding.DecodeString(string(c))
	}
	if err != nil || len(sum) != sha256.Size {
		return "", false
	}
	return ledger.HashText([sha256.Size]byte(sum)), true
}

// corrected returns the hash of the rejected invoice in the form of the ledger. The error is a
// refusal of the document, or an error of Redis. The hash of an invoice that the ledger has
// forgotten is accepted, because KSeF knows the invoice.
func (a *Admitter) corrected(ctx context.Context, c Corrects, from sender, h invoice.Header) (string, error) {
	hash, byHash := c.hash()
	id := string(c)
	mine := ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}
	switch {
	case !from.Corrections:
		return "", refusal{correctsFault(c, fmt.Sprintf("cannot be done over the gateway, which tenant %s uses: the gateway has no "+
			"field for the document that a technical correction replaces (hashOfCorrectedInvoice of KSeF's own API)", from.Name),
			"send it by a tenant with transport: direct; or leave corrects out: a rejected invoice is replaced by a document with the same "+
				"number")}
	case h.Attachment:
		return "", refusal{correctsFault(c, "cannot be done for an invoice with an attachment: KSeF takes those in packages only", "")}
	case byHash && hash == ledger.HashText(h.Hash):
		return "", refusal{correctsFault(c, "is the hash of this document itself", "name the document that KSeF rejected")}
	case byHash:
		id = ledger.InvoiceID(mine, h.Hash)
		if raw, err := base64.StdEncoding.DecodeString(hash); err == nil {
			id = ledger.InvoiceID(mine, [sha256.Size]byte(raw))
		}
	}
	old, err := a.Ledger.Invoice(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound) && byHash:
		return hash, nil
	case errors.Is(err, ledger.ErrNotFound):
		return "", refusal{correctsFault(c, "is not in the ledger", "name the rejected document by the SHA-256 of its bytes")}
	case unread(err):
		return "", refusal{correctsUnread(err)}
	case err != nil:
		return "", err
	case old.Tenant != from.Name:
		return "", refusal{correctsFault(c, "is not an invoice of tenant "+from.Name, "")}
	case old.NIP != mine.NIP || old.Kind != mine.Kind || old.Number != mine.Number:
		return "", refusal{correctsFault(c, fmt.Sprintf("is invoice %s, and this document is %s: a technical correction has the same "+
			"seller, kind and number",
			old.Number, mine.Number), "")}
	case old.State != ledger.Rejected:
		return "", refusal{correctsFault(c, fmt.Sprintf("is %s: only an invoice that KSeF has rejected can have a technical correction",
			old.State), "")}
	case old.ID == ledger.InvoiceID(mine, h.Hash):
		return "", refusal{correctsFault(c, "is this document itself", "correct its XML, then hand it in")}
	}
	return old.Hash, nil
}
