// Package records reads what the archive keeps: results, documents and receipts. It needs neither
// Redis nor KSeF, so that a person can prove an invoice or report a month years later, on a machine
// that has the archive and nothing else.
//
// It only reads. The layout of the names is that of internal/archive.
package records
