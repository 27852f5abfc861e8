// Package invoice knows WHAT is submitted: it reads the header of one FA(3) document, judges everything about it that can be judged
// without asking KSeF, and does the arithmetic around it (NIP, KSeF numbers, deadlines, the verification link).
//
// The way through it is Parse, then Check. Parse looks at the bytes alone and so always gives the same answer; Check adds what needs a clock
// or settings. Both report faults as FieldError, which names field, rule, value and place.
//
// Nothing here keeps state, does I/O or starts goroutines: every function is safe for concurrent use.
package invoice
