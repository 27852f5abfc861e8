// Package report counts the invoices of some days: how many, how much (P_15, by currency), in which
// state, why some were refused, which took longest, and which are at risk.
//
// The ledger says how invoices stand, and the archive has the invoices that the ledger has
// forgotten. The amounts are read from the documents, because Redis has no amount in clear text.
// Without a ledger the report tells what the archive knows.
//
// A day is the issue date (P_1): that is the day in the seller's own books, and it never changes.
// What is not known is counted as such and never guessed: an amount whose document is gone, a time
// that only the ledger had.
package report
