package page

import "ksefworker/internal/explain"

// errorOf returns the error of a call in the visitor's language, or unchanged when the program has
// no words for it.
func (v sayings) errorOf(text string) string {
	if said, ok := explain.Say(v.Lang, text); ok {
		return said
	}
	return text
}

// ReceiverKind names what a receiver is.
func (v sayings) ReceiverKind(kind string) string {
	switch kind {
	case "webhook":
		return v.T("webhook")
	case "stream":
		return v.T("Redis stream")
	case "folder":
		return v.T("folder of files")
	case "postgres":
		return v.T("PostgreSQL database")
	}
	return kind
}

// TenantState names how a receiver stands with one tenant.
func (v sayings) TenantState(state string) string {
	switch state {
	case "out":
		return v.T("takes nothing")
	case "full":
		return v.T("too many results are retried")
	case "sick":
		return v.T("its refused documents cannot be read")
	case "stranger":
		return v.T("its name belongs to another NIP")
	}
	return v.T("waits for its turn")
}

// ReceiverState names how a receiver stands.
func (v sayings) ReceiverState(state string) string {
	switch state {
	case "out":
		return v.T("takes nothing")
	case "stopped":
		return v.T("wants nothing any more")
	}
	return v.T("in order")
}
