package queue

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ksefworker/internal/retry"
)

// Kind is the type of a task.
type Kind string

// The kinds, in the order of an invoice's path.
const (
	KindSubmit  Kind = "invoice:submit"
	KindChunk   Kind = "invoices:submit" // the same for many invoices of one tenant
	KindSend    Kind = "invoice:send"
	KindCut     Kind = "package:cut"
	KindPackage Kind = "package:submit"
	KindConfirm Kind = "package:confirm"
	KindReceipt Kind = "package:receipt"
	KindSweep   Kind = "sweep"
)

// KindDeliver is the task that tells one receiver what became of invoices. It is not a step of an
// invoice's path, so it has a queue and a server of its own. Receivers that answer slowly then do
// not occupy workers that invoices need.
const KindDeliver Kind = "results:deliver"

// Kinds lists every kind but [KindDeliver].
func Kinds() []Kind {
	return []Kind{KindSubmit, KindChunk, KindSend, KindCut, KindPackage, KindConfirm, KindReceipt, KindSweep}
}

// The queues, ordered by weight. First come those with work that a person waits for or that has a
// deadline, then those that fill packages, and last those that tidy up.
const (
	QueueExpress  = "express"
	QueueConfirm  = "confirm"
	QueuePackages = "packages"
	QueueInvoices = "invoices"
	QueueReceipts = "receipts"
	QueueUpkeep   = "upkeep"

	QueueExpressOverflow  = "express-overflow"
	QueueInvoicesOverflow = "invoices-overflow"

	QueueResults = "results" // of [KindDeliver] alone; it is not among [Queues]
)

// Queues returns the weights for asynq; the map is the caller's.
//
// asynq serves one queue in the order of arrival, so a hundred thousand tasks of one tenant would
// come before ten of another. The tasks of such a large batch have overflow queues of their own,
// which take turns with the others. A queue for each tenant would be fairer between large batches.
// But asynq asks the queues one after the other, with a round trip each, until it finds a task.
func Queues() map[string]int {
	return map[string]int{
		QueueExpress: 8, QueueExpressOverflow: 6,
		QueueConfirm:  6,
		QueuePackages: 5,
		QueueInvoices: 4, QueueInvoicesOverflow: 4,
		QueueReceipts: 2,
		QueueUpkeep:   2,
	}
}

// Own returns the names of all queues of a pool, in no particular order.
func Own() []string { return append(slices.Collect(maps.Keys(Queues())), QueueResults) }

// Queue returns the queue of the kind's tasks, other than its overflow queue.
func (k Kind) Queue() string { return k.queue(false) }

// Queues lists every queue that may have tasks of the kind; an overflow queue comes second.
func (k Kind) Queues() []string {
	switch k {
	case KindSubmit, KindChunk, KindSend:
		return []string{k.queue(false), k.queue(true)}
	}
	return []string{k.queue(false)}
}

func (k Kind) queue(overflow bool) string {
	switch k {
	case KindSend:
		if overflow {
			return QueueExpressOverflow
		}
		return QueueExpress
	case KindConfirm:
		return QueueConfirm
	case KindCut, KindPackage:
		return QueuePackages
	case KindReceipt:
		return QueueReceipts
	case KindSweep:
		return QueueUpkeep
	case KindDeliver:
		return QueueResults
	}
	if overflow {
		return QueueInvoicesOverflow
	}
	return QueueInvoices
}

// timeout returns how long asynq lets one run of a task take. A task that reaches this time is
// broken off, comes back and reads the ledger. Uploads have the longest time (KSeF allows 20
// minutes for each of up to 50 parts). A task that archives a whole package has an hour.
func (k Kind) timeout() time.Duration {
	switch k {
	case KindPackage:
		return 17 * time.Hour
	case KindReceipt:
		return time.Hour
	}
	return 10 * time.Minute
}

// retries returns how often asynq runs a task again. Most tasks have no bound, because a bound
// would end a task that only waits. A sweep has a bound, because each round queues a new sweep. A
// sweep whose worker was killed is run once more. If that worker is killed too, asynq archives the
// sweep.
func (k Kind) retries() int {
	if k == KindSweep {
		return 1
	}
	return retry.Unlimited
}

// payloadVersion is the layout of payloads that this build writes and reads.
const payloadVersion = 1

// payload is all that a task carries. It has an id, and for a chunk also its tenant and the ids of
// its invoices. It has a version, because old and new workers share the queues during a rolling
// update.
type payload struct {
	V  int    `json:"v"`
	ID string `json:"id"`
	// These are set only for a chunk. They are its tenant, how many invoices it has, and their ids.
	// ID then stands for all of the invoices.
	Tenant string   `json:"tenant,omitempty"`
	Count  int      `json:"count,omitempty"`
	IDs    []string `json:"ids,omitempty"`
}

func (p payload) encode() []byte {
	p.V = payloadVersion
	b, _ := json.Marshal(p) // numbers and strings always encode
	return b
}

func decodePayload(b []byte) (payload, error) {
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		return payload{}, fmt.Errorf("read payload: %w", err)
	}
	if p.V != payloadVersion || p.ID == "" {
		return payload{}, fmt.Errorf("payload of version %d: this worker reads version %d; a newer worker will take it", p.V,
			payloadVersion)
	}
	return p, nil
}
