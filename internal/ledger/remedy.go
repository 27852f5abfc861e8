package ledger

// Remedy says what has to happen before a refused document can be taken in. A build that does not
// know a remedy reads it as [RemedyFix].
type Remedy string

// The remedies.
const (
	RemedyFix        Remedy = ""            // the document is at fault
	RemedyNumber     Remedy = "number"      // another document has its number
	RemedyResume     Remedy = "resume"      // its tenant is draining; see [Draining]
	RemedyConfigure  Remedy = "configure"   // no tenant of this configuration may send it
	RemedyNameTenant Remedy = "name_tenant" // several tenants may send it, so name one
	RemedyOtherName  Remedy = "other_name"  // the tenant that was named may not send it, and another one may
	RemedyWait       Remedy = "wait"        // something else is at fault, as the reason says
	RemedyNone       Remedy = "none"        // this build cannot send such a document
)
