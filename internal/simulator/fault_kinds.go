package simulator

// Kinds of faults.
const (
	// These act before the operation, or instead of it.
	DropRequest = "drop-request" // the connection ends, nothing is done
	Reset       = "reset"        // the same, with a TCP reset
	Hang        = "hang"         // nothing happens until For is over or the client goes away
	Status      = "status"       // HTML with HTTP status Code, nothing is done
	HTML200     = "200-html"     // the same with HTTP status 200; a part is not stored
	SlowRequest = "slow-request" // acts only after For, even if the client has gone away
	TooMany     = "429"          // with For as Retry-After, and the group is blocked for that long; no header and no block when For is 0
	Denied      = "401"          // as if the key were wrong
	Forbidden   = "403"          // as if the key lacked the permission for the operation
	Refused     = "refused"      // refused by the gateway: HTTP 400 with an error in JSON
	KeyRotated  = "key-rotated"  // the RSA key changes, then the operation is carried out
	// The bearer token of the request is refused from now on, as if it had expired. Only the
	// Ministry's API has tokens that can be renewed.
	TokenExpired = "token-expired"

	// These act after the operation.
	DropAnswer = "drop-answer"  // it was carried out, and the connection ends without an answer
	Error500   = "500-after"    // it was carried out, and the answer is 500 as JSON
	Slow       = "slow"         // it was carried out at once, and the answer comes after For
	Lost       = "lost-session" // the session is unknown afterwards; processing that a close has started goes on

	// These concern a login at the Ministry's API, when it begins.
	LoginStuck   = "login-stuck"   // the login's status stays at 100 for the duration For; forever when For is 0
	LoginRefused = "login-refused" // the login ends with status Code

	// These concern a session. Stuck hits a session when it is closed. The others hit a batch
	// session when its package has been unpacked. SessionRefused and SessionSpoiled also hit an
	// online session, when it is opened.
	SessionRefused = "session-refused" // ends with Code, nothing accepted
	SessionSpoiled = "session-spoiled" // ends with Code and has no UPO, but what was accepted stays accepted
	Stuck          = "stuck"           // stays at Code (100, 150, 170) for the duration For, in simulated time
	Poison         = "poison"          // every package that holds the invoice Number ends with Code

	// These concern an invoice.
	InvoiceStatus = "invoice-status" // a valid invoice gets Code, even a duplicate
	OmitNumber    = "omit-number"    // a rejected invoice is listed without its invoiceNumber
	OmitOriginal  = "omit-original"  // a duplicate does not name its original
	WrongOriginal = "wrong-original" // a duplicate names another invoice of the register, and the session of that other invoice

	// These concern an entry, which is what KSeF answers about a decided invoice. The answer is in
	// the list of the invoice's session (On: invoices), in invoiceStatus, in the session's receipt
	// (upo) or in the register (metadata). Only the answer is changed. The session's counts and the
	// books stay true. A fault decides once for each entry, at the first answer that contains the
	// entry. An entry that was hit stays changed for the duration For. With a Code, ListOmit and
	// Unnamed concern only entries of invoices with that status.
	ListOmit        = "list-omit"         // invoices, metadata: the entry is not there
	Unnamed         = "unnamed"           // invoices, invoiceStatus: no invoiceNumber
	NumberRewritten = "number-rewritten"  // everywhere: the invoice's number has other white space than was sent, see As
	KsefNumberSplit = "ksef-number-split" // everywhere: the KSeF number has 36 characters, its digits split 6-6, as in KSeF 1.x
	Undecodable     = "undecodable"       // invoices, invoiceStatus: one field has a type or form outside the contract, see As
	ReceiptOmit     = "upo-omit"          // upo: the receipt has no Dokument for the invoice
)

// Variants of NumberRewritten, for As.
const (
	Doubled    = "double"   // each blank becomes two
	NoBreak    = "nbsp"     // blanks become no-break spaces, U+00A0
	Tabbed     = "tab"      // blanks become tabs
	TrailBlank = "trailing" // a blank is added at the end
)

// Variants of Undecodable, for As. The fault passes over entries without the field.
const (
	OddDate         = "date"              // dates with an offset like +0100
	NumericNumber   = "number"            // invoiceNumber as a JSON number, when it has only digits
	TextOrdinal     = "ordinal"           // ordinal as a string
	SingleExtension = "extensions-object" // extensions as its first element, or as an empty object
	MappedExtension = "extensions-map"    // extensions as a map from key to value
	TextCode        = "code"              // status.code as a string
)

// Kinds returns every kind of fault.
func Kinds() []string {
	return append(requestKinds(), LoginStuck, LoginRefused, Lost, SessionRefused, SessionSpoiled, Stuck, Poison,
		InvoiceStatus, OmitNumber, OmitOriginal, WrongOriginal,
		ListOmit, Unnamed, NumberRewritten, KsefNumberSplit, Undecodable, ReceiptOmit)
}

// requestKinds returns the kinds of faults that hit a request. Lost can hit the same request in
// addition.
func requestKinds() []string {
	return []string{DropRequest, Reset, Hang, Status, HTML200, SlowRequest, TooMany, Denied, Forbidden, Refused, KeyRotated, TokenExpired,
		DropAnswer, Error500, Slow}
}

// variantsOf returns the values that As may have for a kind.
func variantsOf(kind string) []string {
	switch kind {
	case NumberRewritten:
		return []string{Doubled, NoBreak, Tabbed, TrailBlank}
	case Undecodable:
		return []string{OddDate, NumericNumber, TextOrdinal, SingleExtension, MappedExtension, TextCode}
	}
	return []string{""}
}
