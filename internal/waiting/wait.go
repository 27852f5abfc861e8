// Package waiting finds out why an unfinished invoice waits, and until when.
//
// It needs no data of its own. The ledger holds the state of an invoice, and the queue keeps the
// result of the last run of its task. The limiter and the circuits say what holds a tenant back.
// [Reader] reads these facts, and [Facts.Of] decides.
package waiting

import (
	"time"

	"ksefworker/internal/retry"
)

// Reason says why an invoice waits. The list is closed, so that it can be a label of metrics and a
// value in JSON.
type Reason string

// The reasons that package waiting finds. Of these, a task itself can give only Refused and
// TenantPaused. Every reason that is not in this list is one of [retry.Reasons].
const (
	NoWorker      Reason = "no_worker"      // no worker is running
	QueuePaused   Reason = "queue_paused"   // a person has paused the queue
	TenantPaused  Reason = "tenant_paused"  // the configuration or a person has paused the tenant
	TenantUnknown Reason = "tenant_unknown" // the tenant is not in this configuration
	Refused       Reason = "refused"        // KSeF refuses the tenant's sessions as a whole
	Gathering     Reason = "gathering"      // it waits for more invoices for its package
	Turn          Reason = "turn"           // its task waits in the queue
	Working       Reason = "working"        // a worker is processing it
	SessionOpen   Reason = "session_open"   // it was sent; its online session is not closed yet
	Receipt       Reason = "receipt"        // it is accepted; its receipt has not arrived yet
)

// The reasons that both package waiting and a task can give.
const (
	Limit       = Reason(retry.ReasonLimit)
	Throttled   = Reason(retry.ReasonThrottled)
	Denied      = Reason(retry.ReasonDenied)
	Outage      = Reason(retry.ReasonOutage)
	Credentials = Reason(retry.ReasonCredentials)
	Processing  = Reason(retry.ReasonProcessing)
)

// Reasons lists every reason.
func Reasons() []Reason {
	all := []Reason{NoWorker, QueuePaused, TenantPaused, TenantUnknown, Gathering, Turn, Working, SessionOpen, Receipt}
	for _, r := range retry.Reasons() {
		if r != retry.ReasonPaused { // TenantPaused stands for it
			all = append(all, Reason(r)) // Refused is one of them
		}
	}
	return all
}

// Wait says why one invoice waits. The zero value means that it waits for nothing.
type Wait struct {
	For   Reason
	What  string    // in a few words, for a person; no content of an invoice
	Until time.Time // when it is tried or decided next; zero when that is not known
	Since time.Time // since when it waits; zero when that is not known
}

// since returns the wait. If the wait is for something and has no Since, since fills it in. The
// argument at is the earliest time from which the invoice can have been waiting.
func (w Wait) since(at time.Time) Wait {
	if w.For != "" && w.Since.IsZero() {
		w.Since = at
	}
	return w
}

// Ordinary reports whether r is a wait that every invoice may have and that ends by itself.
func (r Reason) Ordinary() bool {
	switch r {
	case Gathering, Turn, Working, SessionOpen, Receipt, Processing, Limit:
		return true
	}
	return false
}
