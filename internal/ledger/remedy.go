package ledger

// Remedy is what ends a refusal other than a fix of the document. A build that does not know one
// reads it as [RemedyFix].
type Remedy string

// The remedies.
const (
	RemedyFix        Remedy = ""            // the document is at fault
	RemedyNumber     Remedy = "number"      // another document has its number
	RemedyResume     Remedy = "resume"      // a person has its tenant drained
	RemedyConfigure  Remedy = "configure"   // no tenant of this configuration may send it
	RemedyNameTenant Remedy = "name_tenant" // several tenants may send it: one has to be named
	RemedyOtherName  Remedy = "other_name"  // the tenant that was named may not send it, and another one may
	RemedyWait       Remedy = "wait"        // something else is at fault, as the reason says
	RemedyNone       Remedy = "none"        // this build cannot send such a document
)
