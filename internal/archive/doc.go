// Package archive keeps what must be found again in ten years: receipts (UPO), the invoices as they were sent, and a result
// document for each, in a folder or in an S3 bucket, chosen by URL. It stores bytes under names and knows nothing of their content.
// layout.go says what is called how.
//
// An archive never overwrites: putting the same bytes again is fine, because tasks run twice after a crash; putting other bytes under a
// name that exists is ErrConflict. Two narrow exceptions: Replace, for result documents, whose state may still change, and Remove,
// for bodies on their way.
//
// Nothing put is certain until Flush returns. The ledger may call a thing kept only then.
package archive
