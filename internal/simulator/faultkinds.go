package simulator

// Kinds of faults.
const (
	// Before or instead of acting.
	DropRequest = "drop-request" // the connection ends before anything is done
	Reset       = "reset"        // the same, with a TCP reset
	Hang        = "hang"         // nothing is done and nothing is said until For is over or the client goes
	Status      = "status"       // HTML with HTTP status Code, nothing done
	HTML200     = "200-html"     // HTML with HTTP status 200, nothing done, a part is not stored
	SlowRequest = "slow-request" // acts only after For, even if the client has gone
	TooMany     = "429"          // with Retry-After For, and the group is blocked so long; no header when For is 0
	Denied      = "401"          // as if the key were wrong
	Forbidden   = "403"          // as if the key lacked the permission for it
	Refused     = "refused"      // the gateway's own no: HTTP 400 with an error in JSON
	KeyRotated  = "key-rotated"  // the RSA key changes, then the operation goes on

	// After acting.
	DropAnswer = "drop-answer"  // carried out, the connection ends without an answer
	Error500   = "500-after"    // carried out, answered 500 as JSON
	Slow       = "slow"         // carried out at once, answered after For
	Lost       = "lost-session" // the session of this operation is unknown from then on; what a close set going goes on

	// Sessions. A batch session is struck when its processing begins, an online session when it is opened.
	SessionRefused = "session-refused" // ends with Code, nothing accepted
	SessionSpoiled = "session-spoiled" // ends with Code after its invoices were judged: what was accepted stays so, and there is no UPO
	Stuck          = "stuck"           // stays at Code (100, 150, 170) for For of simulated time
	Poison         = "poison"          // a package that holds invoice Number ends with Code, always

	// Invoices.
	InvoiceStatus = "invoice-status" // an invoice that would be accepted gets Code instead
	OmitNumber    = "omit-number"    // a rejected invoice comes back without its invoiceNumber
	OmitOriginal  = "omit-original"  // a duplicate comes back without naming its original
	WrongOriginal = "wrong-original" // a duplicate names another invoice of the register than its original, and that one's session

	// Entries: what is told of an invoice whose fate is known, by the list of its session (On: invoices), by
	// invoiceStatus, by the session's receipt (upo) and by the register (metadata). Only the answer is bent: session
	// counts and books tell the truth. A fault decides once for each entry, at the first answer that has it, and an
	// entry that was struck stays bent for For.
	ListOmit        = "list-omit"         // invoices, metadata: the entry is not there
	Unnamed         = "unnamed"           // invoices, invoiceStatus: no invoiceNumber
	NumberRewritten = "number-rewritten"  // everywhere: the white space of the invoice's number is other than it was sent, see As
	KsefNumberSplit = "ksef-number-split" // everywhere: the KSeF number is written 6-6, 36 characters, as KSeF 1.x did
	Undecodable     = "undecodable"       // invoices, invoiceStatus: one field has another type or form than the contract's, see As
	ReceiptOmit     = "upo-omit"          // upo: the receipt lacks the invoice's Dokument
)

// Manners of NumberRewritten.
const (
	Doubled    = "double"   // each blank becomes two
	NoBreak    = "nbsp"     // blanks become U+00A0
	Tabbed     = "tab"      // blanks become tabs
	TrailBlank = "trailing" // a blank follows
)

// Manners of Undecodable. An entry without the field is not struck.
const (
	OddDate         = "date"              // dates with an offset like +0100
	NumericNumber   = "number"            // invoiceNumber as a JSON number; only one of digits alone
	TextOrdinal     = "ordinal"           // ordinal as a string
	LoneExtension   = "extensions-object" // extensions as its first element, or an empty object
	MappedExtension = "extensions-map"    // extensions as a map from key to value
	TextCode        = "code"              // status.code as a string
)

// Kinds lists every kind of fault.
func Kinds() []string {
	return append(requestKinds(), Lost, SessionRefused, SessionSpoiled, Stuck, Poison,
		InvoiceStatus, OmitNumber, OmitOriginal, WrongOriginal, ListOmit, Unnamed, NumberRewritten, KsefNumberSplit, Undecodable, ReceiptOmit)
}

// requestKinds strike at a request; Lost strikes beside them.
func requestKinds() []string {
	return []string{DropRequest, Reset, Hang, Status, HTML200, SlowRequest, TooMany, Denied, Forbidden, Refused, KeyRotated,
		DropAnswer, Error500, Slow}
}

// mannersOf lists what As may be.
func mannersOf(kind string) []string {
	switch kind {
	case NumberRewritten:
		return []string{Doubled, NoBreak, Tabbed, TrailBlank}
	case Undecodable:
		return []string{OddDate, NumericNumber, TextOrdinal, LoneExtension, MappedExtension, TextCode}
	}
	return []string{""}
}
