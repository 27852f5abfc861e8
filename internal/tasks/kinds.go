package tasks

import (
	"encoding/json"
	"fmt"
	"time"
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
)

// Queues returns the weights for asynq; the map is the caller's.
func Queues() map[string]int {
	return map[string]int{QueueExpress: 8, QueueConfirm: 6, QueuePackages: 5, QueueInvoices: 4, QueueReceipts: 2, QueueUpkeep: 2}
}

func (k Kind) queue() string {
	switch k {
	case KindSend:
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
