// Package report counts the invoices of some days: how many, how much (P_15, by currency), in which
// state, why some were refused, which took longest, and which are at risk.
//
// The ledger says in which state invoices are now, and the archive has the invoices that the ledger
// has forgotten. The amounts are read from the documents, because Redis has no amount in clear
// text. Without a ledger the report tells only what the archive knows.
//
// The day of an invoice is its issue date (P_1), because this is the day in the seller's own books
// and never changes. Unknown values are counted as unknown. For example, the amount of an invoice
// is unknown when its document is gone. When the ledger has forgotten an invoice, it is unknown how
// long the invoice took to get its KSeF number.
package report
