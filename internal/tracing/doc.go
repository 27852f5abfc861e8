// Package tracing tells where an invoice is. The log has one line for each change of state. When a
// collector is named in the environment, there are also traces of OpenTelemetry.
//
// An invoice has one trace, from the moment it is taken in until its outcome is delivered, although
// days and several processes lie in between. Nothing is stored for that. The trace id is computed
// from the id of the invoice ([ID]), so every process that has the id has the trace. A package,
// which is the invoices that travel in one session of KSeF, has a trace of its own. The id of that
// trace is computed in the same way. The package is not a parent of its invoices, because it has
// thousands of them, and an invoice may go through several packages. The traces of a package and
// its invoices are joined by links.
//
// The spans of one trace are roots side by side. A parent might end only days later, in a process
// that does not run yet. Until then its children would be in the trace without it. A step of one
// process within a span, such as a request to KSeF within a task, is a child of that span
// ([Child]).
//
// Without a collector there is no exporter and no goroutine, and a nil [*Tracer] starts nothing.
// Log lines carry the same trace ids as with a collector.
//
// A span has ids, states, names of tenants, codes and times. It MUST NOT have a secret, a text of
// KSeF, or anything of an invoice, such as its number, a name or an amount.
package tracing
