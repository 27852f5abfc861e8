package tracing

import "go.opentelemetry.io/otel/attribute"

// The attributes of this program, in addition to OpenTelemetry's own. docs/traces.md lists them. A
// person searches for the first two.
const (
	InvoiceKey = attribute.Key("ksef.invoice.id")
	PackageKey = attribute.Key("ksef.package.id")
	TenantKey  = attribute.Key("ksef.tenant")
	SessionKey = attribute.Key("ksef.session.id")
	StateKey   = attribute.Key("ksef.state")
	LaneKey    = attribute.Key("ksef.lane")
	CodeKey    = attribute.Key("ksef.code")    // KSeF's answer about an invoice or a session
	CountKey   = attribute.Key("ksef.count")   // invoices that a span is about
	RefusedKey = attribute.Key("ksef.refused") // documents that were not taken in

	TaskKey    = attribute.Key("ksef.task.id")
	QueueKey   = attribute.Key("ksef.task.queue")
	RetriedKey = attribute.Key("ksef.task.retried") // how often the task failed before
	VerdictKey = attribute.Key("ksef.task.verdict") // again, later, look_first, never
	ReasonKey  = attribute.Key("ksef.task.reason")

	GroupKey    = attribute.Key("ksef.limit.group") // which limit of KSeF a request counts against
	TraceKey    = attribute.Key("ksef.request.trace")
	ClientKey   = attribute.Key("ksef.client") // who calls over HTTP
	RequestKey  = attribute.Key("ksef.request.id")
	ReceiverKey = attribute.Key("ksef.receiver")
)
