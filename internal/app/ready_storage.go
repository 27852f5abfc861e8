package app

import (
	"context"

	"ksefworker/internal/ledger"
)

// checkStorage checks that this process holds the keys with which the pool seals documents, and
// that it has not lately met a document that only another worker may be able to open.
func (w readiness) checkStorage(ctx context.Context) Check {
	seals, err := w.pool.Ledger.Seals(ctx)
	if err != nil {
		return Check{Name: "storage", Detail: err.Error()}
	}
	if missing := seals.Missing(w.pool.Bodies); len(missing) > 0 {
		refused := ledger.SealError{Missing: missing, Held: w.pool.Bodies.KeyIDs()}
		return Check{Name: "storage", Detail: refused.Error()}
	}
	if fault := w.worker.StorageFault(); fault != "" {
		return Check{Name: "storage", Detail: fault + "; other workers take the tasks that need it"}
	}
	return Check{Name: "storage", OK: true}
}
