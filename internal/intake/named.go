package intake

// NamedBy says how the senders of an [Admitter] name the tenant of a document. Hints then say what
// to do in the words that such a sender knows.
type NamedBy int

const (
	ByOption   NamedBy = iota // --tenant of enqueue submit
	ByField                   // tenant of a call over HTTP, or of a line of a manifest
	BySettings                // tenant in the .ksef.yaml of a watched folder
)

// sayWhich returns a hint that asks for the name of one of several tenants.
func (n NamedBy) sayWhich() string {
	switch n {
	case ByField:
		return "say which of them sends it: give its name as tenant"
	case BySettings:
		return "say which of them sends it: give its name as tenant in .ksef.yaml"
	default:
		return "say which of them sends it: --tenant NAME"
	}
}

// saySo returns a hint that asks for the name of a tenant that sends only when it is named.
func (n NamedBy) saySo() string {
	switch n {
	case ByField:
		return "if that one is to send the invoice in its own context, say so: give its name as tenant"
	case BySettings:
		return "if that one is to send the invoice in its own context, say so: give its name as tenant in .ksef.yaml"
	default:
		return "if that one is to send the invoice in its own context, say so: --tenant NAME"
	}
}

// leaveOut returns a hint that asks for no name, or for one of these names.
func (n NamedBy) leaveOut(names string) string {
	switch n {
	case ByField:
		return "leave tenant out, or name a tenant of that NIP: " + names
	case BySettings:
		return "leave tenant out of .ksef.yaml, or name a tenant of that NIP: " + names
	default:
		return "leave --tenant out, or name a tenant of that NIP: " + names
	}
}

// agents returns a hint that names the tenants that may send an invoice as its PodmiotUpowazniony.
func (n NamedBy) agents(names string) string {
	switch n {
	case ByField:
		return "its PodmiotUpowazniony can send it in its own context: give as tenant " + names
	case BySettings:
		return "its PodmiotUpowazniony can send it in its own context: give as tenant in .ksef.yaml " + names
	default:
		return "its PodmiotUpowazniony can send it in its own context: --tenant " + names
	}
}
