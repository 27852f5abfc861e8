// Package settlement decides what becomes of the invoices of a session. It is pure. It takes a
// package (the invoices that travel in one session), what the ledger holds of it, what KSeF listed,
// and the time. It returns what is to be written, what is to be done next, and how the package
// ends. Package tasks asks KSeF and writes to the ledger.
//
// Read it in this order:
//
//	facts.go     what is known: the invoices that a package holds, and what KSeF told of it
//	decision.go  what a decision says, in the order in which it is carried out
//	moves.go     the outcome of one invoice, and why it may be sent again
//	decide.go    the stages of one run: answers, originals, remainder, last
//	answers.go   what each answer means, in a session that was processed or refused
//	match.go     which answer is about which invoice
//	proven.go    the answers whose hash or file name proves which invoice they are about
//	account.go   whether the session accounts for everything in it, because absence needs proof
//	mixed_up.go  the answers that belong to another invoice than the one that was asked about
//	covered.go   whether the session's receipt has every acceptance
//	codes.go     the table of KSeF's invoice codes
//	outcomes.go  the moves that follow from an answer, and how often an invoice is sent again
//	denied.go    410: whether the cause is the invoice or the tenant
//	doubt.go     how long unproven invoices wait before the register is searched
//	original.go  the original of a duplicate
//	register.go  a pass through KSeF's register
//	by_number.go a few invoices, looked up in the register one by one
//	finish.go    how a package ends
//	refused.go   a session refused as a whole: whether the cause is the package or KSeF
//	unknown.go   a session that KSeF does not know any more
//	open.go      an online session that still takes sends
//	numbers.go   KSeF numbers
//	reasons.go   what a person is told
package settlement
