// Package records reads what the archive keeps: results, documents and receipts. It needs only the
// archive. So years later a person can still prove an invoice or report a month, on a machine
// without Redis and KSeF.
//
// The package only reads. internal/archive says how the names are built.
package records
