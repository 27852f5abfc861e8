package invoice

import "strconv"

// KSeF's limits of one invoice in bytes (September 2026). The Ministry raises them for one taxpayer
// on request.
const (
	MaxSizeWithoutAttachment = 1_000_000
	// MaxSize is that of an invoice with attachment, and so of any document. Parse refuses more
	// before it looks at a single byte; Check applies the finer limits.
	MaxSize = 3_000_000
)

// TooLarge is the fault of a document of size bytes where at most limit are taken. Who knows a
// document's size before its bytes need not read them.
func TooLarge(size, limit int64) error {
	return &FieldError{Field: DocumentField, Rule: "must be at most " + strconv.FormatInt(limit, 10) + " bytes",
		Value: strconv.FormatInt(size, 10) + " bytes",
		Hint:  "KSeF takes 1,000,000 bytes, with an attachment 3,000,000; " + raisedHint}
}

const raisedHint = "if the Ministry has raised that for this taxpayer, set its tenant's max_invoice_size in the configuration"
