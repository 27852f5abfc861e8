package tasks

import (
	"context"

	"golang.org/x/sync/semaphore"

	"ksefworker/internal/ledger"
)

const (
	// pieceBytes is the most XML of one piece that is in memory at a time; one document may be
	// more.
	pieceBytes = 8 << 20
	// piecesAtOnce is how many full pieces a process holds of each kind.
	piecesAtOnce = 3
)

// memory bounds the bytes of documents that a process has in memory for one purpose. Receipts and
// builds have one each: with a shared one, receipts that wait for an archive which hangs would hold
// up the packages.
type memory struct{ bytes *semaphore.Weighted }

func newMemory() memory { return memory{semaphore.NewWeighted(piecesAtOnce * pieceBytes)} }

// hold waits until there is room for the documents. The caller MUST call release.
func (m memory) hold(ctx context.Context, invs []ledger.Invoice) (release func(), err error) {
	n := min(max(sizeOf(invs), 1), piecesAtOnce*pieceBytes)
	if err := m.bytes.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { m.bytes.Release(n) }, nil
}

func sizeOf(invs []ledger.Invoice) (n int64) {
	for i := range invs {
		n += invs[i].Size
	}
	return n
}

// piece returns the first of some invoices: at most so many, and of so many bytes, but at least
// one.
func piece(invs []ledger.Invoice, most int, bytes int64) []ledger.Invoice {
	n, sum := 0, int64(0)
	for n < min(len(invs), most) {
		if sum += invs[n].Size; sum > bytes && n > 0 {
			break
		}
		n++
	}
	return invs[:n]
}
