package tasks

import (
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// Reached says that Count invoices reached State in a task of this Kind.
type Reached struct {
	Kind  queue.Kind
	State ledger.State
	Count int // more than 0
}

// Ended says how one invoice ended: accepted, rejected or parked.
type Ended struct {
	State ledger.State
	Lane  ledger.Lane
	Code  int           // KSeF's code; 0 when the invoice ended without an answer of KSeF
	After time.Duration // since it was taken in
}

// Judged is the verdict about the error with which a task of this Kind ended.
type Judged struct {
	Kind   queue.Kind
	Reason retry.Reason
	Action retry.Action
}
