// Package tracing tells where an invoice is: in the log, one line for each change of state, and as
// traces of OpenTelemetry, when a collector is named in the environment.
//
// An invoice has one trace, from the moment it is taken in until its receipt is delivered, although
// days and several processes lie in between. Nothing is stored for that: the trace id is computed
// from the id of the invoice ([ID]), so every process that has the id has the trace. A package has
// its own trace for the same reason. It is not a parent of its invoices: a package has thousands of
// them, and an invoice may go through several packages. The two are joined by links.
//
// The spans of one trace are roots side by side: a parent that may end days later, in a process
// that does not run yet, would be missing while it matters. What one process does for one span,
// such as a request to KSeF within a task, is its child ([Child]).
//
// Without a collector there is no exporter and no goroutine, a nil [*Tracer] starts nothing, and
// log lines carry the same trace ids.
//
// A span has ids, states, names of tenants, codes and times. It MUST NOT have a secret, a text of
// KSeF, or anything of an invoice: no number, no name, no amount.
package tracing
