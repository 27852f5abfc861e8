package tasks

import (
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// Reached says that invoices reached a state in a task of a kind.
type Reached struct {
	Kind  queue.Kind
	State ledger.State
	Count int // more than 0
}

// Judged is the verdict about the error with which a task of a kind ended.
type Judged struct {
	Kind   queue.Kind
	Reason retry.Reason
	Action retry.Action
}
