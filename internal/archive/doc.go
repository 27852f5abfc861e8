// Package archive keeps what must still be found in ten years: receipts (UPO), the invoices as they
// were sent, and a result document for each. The URL chooses a folder or an S3 bucket. The package
// stores bytes under names and does not look at their content. layout.go says how the names are
// built.
//
// An archive never overwrites. Putting the same bytes again succeeds, because tasks run twice after
// a crash. Putting other bytes under an existing name returns ErrConflict. There are two narrow
// exceptions. Replace is for result documents, whose state may still change. Remove is for bodies,
// which are large invoices that wait to be sent.
//
// Nothing is durable until Flush has returned. Only then may the ledger say that a document is
// kept.
package archive
