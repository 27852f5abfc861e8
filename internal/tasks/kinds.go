package tasks

import (
	"encoding/json"
	"fmt"
	"time"

	"ksefworker/internal/retry"
)

// Kind is the type of a task.
type Kind string

// The kinds, in the order of an invoice's way.
const (
	KindSubmit  Kind = "invoice:submit"
	KindSend    Kind = "invoice:send"
	KindCut     Kind = "package:cut"
	KindPackage Kind = "package:submit"
	KindConfirm Kind = "package:confirm"
	KindReceipt Kind = "package:receipt"
	KindSweep   Kind = "sweep"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{KindSubmit, KindSend, KindCut, KindPackage, KindConfirm, KindReceipt, KindSweep}
}

// The queues, with their weights: what answers a person or a deadline before what fills packages, before what tidies up.
const (
	QueueExpress  = "express"
	QueueConfirm  = "confirm"
	QueuePackages = "packages"
	QueueInvoices = "invoices"
	QueueReceipts = "receipts"
	QueueUpkeep   = "upkeep"

	QueueExpressOverflow  = "express-overflow"
	QueueInvoicesOverflow = "invoices-overflow"
)

// Queues returns the weights for asynq; the map is the caller's.
//
// One queue is served in the order of arrival, so a tenant's hundred thousand would stand before another's ten. What is one of a overflow has queues of its own, served in turn with the
// others. A queue for each tenant would be fairer among crowds; but asynq asks queue after queue, one round trip each, until one has a task.
func Queues() map[string]int {
	return map[string]int{QueueExpress: 8, QueueExpressOverflow: 6, QueueConfirm: 6, QueuePackages: 5, QueueInvoices: 4, QueueInvoicesOverflow: 4, QueueReceipts: 2, QueueUpkeep: 2}
}

// Queue is where tasks of the kind are, those of a overflow apart.
func (k Kind) Queue() string { return k.queue(false) }

// Queues lists where tasks of the kind may be: the first is the one for what is of no overflow.
func (k Kind) Queues() []string {
	switch k {
	case KindSubmit, KindSend:
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
	}
	if overflow {
		return QueueInvoicesOverflow
	}
	return QueueInvoices
}

// timeout is how long asynq lets one run of a task take. A task cut off by it comes back and reads the ledger; only uploads need more
// than minutes (KSeF allows 20 minutes for each of up to 50 parts).
func (k Kind) timeout() time.Duration {
	switch k {
	case KindPackage:
		return 17 * time.Hour
	case KindReceipt:
		return time.Hour
	}
	return 10 * time.Minute
}

// retries is how often asynq runs a task again. Whatever waits has no bound, and never ends by it;
// a sweep whose worker was killed is run once more and then let go, because each round has its own.
func (k Kind) retries() int {
	if k == KindSweep {
		return 1
	}
	return retry.Unlimited
}

// payloadVersion is the layout of payloads that this build writes and reads.
const payloadVersion = 1

// payload is all that a task carries: an id. During a rolling update old and new workers share the queues, so it has a version.
type payload struct {
	V  int    `json:"v"`
	ID string `json:"id"`
}

func encodePayload(id string) []byte {
	b, _ := json.Marshal(payload{V: payloadVersion, ID: id}) // two plain fields cannot fail
	return b
}

func decodePayload(b []byte) (string, error) {
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		return "", fmt.Errorf("read payload: %w", err)
	}
	if p.V != payloadVersion || p.ID == "" {
		return "", fmt.Errorf("payload of version %d: this worker reads version %d; a newer worker will take it", p.V, payloadVersion)
	}
	return p.ID, nil
}
