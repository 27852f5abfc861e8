// Package waiting tells why an invoice that is not done waits, and until when.
//
// Nothing is written for it: the ledger says where an invoice stands, the queue keeps what the last
// run of its task came to, and the limiter and the circuits say what holds a tenant back. [Reader]
// reads these, [Facts.Of] decides.
package waiting

import (
	"time"

	"ksefworker/internal/retry"
)

// Reason is why an invoice waits. A closed list, good as a label of metrics and as a value in JSON.
type Reason string

// The reasons that a task does not know of itself. The others are those of [retry.Reasons].
const (
	NoWorker      Reason = "no_worker"      // no process works off tasks
	QueuePaused   Reason = "queue_paused"   // a person has paused the queue
	TenantPaused  Reason = "tenant_paused"  // by configuration or by a person
	TenantUnknown Reason = "tenant_unknown" // not in this configuration
	Denied        Reason = "denied"         // KSeF lets nothing of the tenant in (410)
	Refused       Reason = "refused"        // KSeF refuses the tenant's sessions as a whole
	Gathering     Reason = "gathering"      // with others, for a package
	Turn          Reason = "turn"           // its task waits in the queue
	Working       Reason = "working"        // a worker is at it
	SessionOpen   Reason = "session_open"   // sent; its online session is not closed yet
	Receipt       Reason = "receipt"        // accepted; its receipt is to come
)

// The reasons that this package gives and a task may give, too.
const (
	Limit       = Reason(retry.ReasonLimit)
	Throttled   = Reason(retry.ReasonThrottled)
	Outage      = Reason(retry.ReasonOutage)
	Credentials = Reason(retry.ReasonCredentials)
	Processing  = Reason(retry.ReasonProcessing)
)

// Reasons lists every reason.
func Reasons() []Reason {
	all := []Reason{NoWorker, QueuePaused, TenantPaused, TenantUnknown, Denied, Gathering, Turn, Working, SessionOpen, Receipt}
	for _, r := range retry.Reasons() {
		if r != retry.ReasonPaused { // is TenantPaused here
			all = append(all, Reason(r)) // Refused is among them
		}
	}
	return all
}

// Wait is why one invoice waits. The zero value is that of an invoice that waits for nothing.
type Wait struct {
	For   Reason
	What  string    // in a few words, for a person; no content of an invoice
	Until time.Time // when it is tried or decided next; zero when nobody can know
	Since time.Time // since when, where that is known
}

// Ordinary reports a wait that is part of an invoice's way and ends by itself.
func (r Reason) Ordinary() bool {
	switch r {
	case Gathering, Turn, Working, SessionOpen, Receipt, Processing, Limit:
		return true
	}
	return false
}
