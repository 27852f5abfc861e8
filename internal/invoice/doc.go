// Package invoice reads and checks the invoices that are submitted. It reads the header of one
// FA(3) or FA(2) document and applies every rule that can be checked without asking KSeF. It also
// checks NIPs and KSeF numbers, and computes the deadlines and the verification link of an invoice.
//
// Call Parse, then Check. Parse looks only at the bytes, so its answer for a document is always the
// same. Check applies the rules that need a clock or settings. Both report faults as FieldError,
// which names field, rule, value and position.
//
// The package keeps no state, does no I/O and starts no goroutines, so every function is safe for
// concurrent use.
package invoice
