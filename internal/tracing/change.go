package tracing

import "github.com/rs/zerolog"

// Change says that an invoice or a package has come into a state. For a package, Invoice is "". For
// an invoice, Package is the package that holds the invoice, or held it until now. Package and
// Session are "" when there is none.
type Change struct {
	Invoice, Package, Session, Tenant string
	State                             string
}

// Log writes the line of a change. Its level is debug, because a night of 100,000 invoices has half
// a million changes. Changes that a person has to act on are also logged elsewhere, at a higher
// level.
func (c Change) Log(log *zerolog.Logger) {
	e := log.Debug()
	if !e.Enabled() {
		return
	}
	object, what := c.Invoice, "invoice changed its state"
	if object == "" {
		object, what = c.Package, "package changed its state"
	} else {
		e = e.Str("invoice", c.Invoice)
	}
	e.Str("state", c.State).Str("package", c.Package).Str("session", c.Session).Str("tenant", c.Tenant).
		Str("trace_id", IDText(object)).Msg(what)
}
