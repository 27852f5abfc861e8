package invoice

import (
	"strconv"

	"ksefworker/internal/ksef/numbers"
)

// KSeF's limits of one invoice in bytes. The Ministry raises them for a taxpayer on request.
const (
	maxSizeWithoutAttachment = numbers.MaxInvoiceSize
	// MaxSize is the limit of an invoice with attachment, and so of any document. Parse refuses
	// larger documents before it reads a byte. Check also refuses an invoice without attachment
	// that is larger than maxSizeWithoutAttachment.
	MaxSize = numbers.MaxInvoiceSizeWithAttachment
)

// TooLarge returns the *FieldError of a document of size bytes that exceeds limit. With it, a
// caller that knows the size of a document can refuse the document without reading it.
func TooLarge(size, limit int64) error {
	return &FieldError{Field: DocumentField,
		Rule:  "must be at most " + strconv.FormatInt(limit, 10) + " bytes",
		Value: strconv.FormatInt(size, 10) + " bytes",
		Hint:  "KSeF accepts 1,000,000 bytes, or 3,000,000 with an attachment; " + raisedHint}
}

const raisedHint = "if the Ministry has raised the limit for this taxpayer, set its tenant's max_invoice_size in the configuration"
