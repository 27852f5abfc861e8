// Package tracing tells where an invoice is: in the log, one line for each change of state, and as
// traces of OpenTelemetry, when a collector is named in the environment.
//
// An invoice has one trace, from the moment it is taken in until its outcome is delivered, although
// days and several processes lie in between. Nothing is stored for that: the trace id is computed
// from the id of the invoice ([ID]), so every process that has the id has the trace. A package has
// a trace of its own, whose id is computed in the same way. The package is not a parent of its
// invoices: it has thousands of them, and an invoice may go through several packages. The traces of
// a package and its invoices are joined by links.
//
// The spans of one trace are roots side by side. A parent might end only days later, in a process
// that does not run yet, and the trace would lack it until then. What one process does for one
// span, such as a request to KSeF within a task, is a child of that span ([Child]).
//
// Without a collector there is no exporter and no goroutine, a nil [*Tracer] starts nothing, and
// log lines carry the same trace ids.
//
// A span has ids, states, names of tenants, codes and times. It MUST NOT have a secret, a text of
// KSeF, or anything of an invoice: no number, no name, no amount.
package tracing
