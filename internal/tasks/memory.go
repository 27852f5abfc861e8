package tasks

import (
	"context"

	"golang.org/x/sync/semaphore"

	"ksefworker/internal/ledger"
)

const (
	// pieceBytes is the largest size of the XML of one piece in memory. A single document may be
	// larger.
	pieceBytes = 8 << 20
	// piecesAtOnce is how many full pieces a process may have in memory for each purpose.
	piecesAtOnce = 3
)

// memory bounds the bytes of documents that a process has in memory for one purpose. Receipt tasks
// and builds have a memory each. If they shared one, receipt tasks that wait for an archive that
// hangs would delay the packages.
type memory struct{ bytes *semaphore.Weighted }

func newMemory() memory { return memory{semaphore.NewWeighted(piecesAtOnce * pieceBytes)} }

// hold waits until there is space for the documents of invs, and reserves it. Documents that are
// together larger than the whole bound take all of it. The caller MUST call release.
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

// piece returns as many invoices from the start of invs as fit into maxCount and into maxBytes of
// XML. The first invoice is returned even if it alone is larger than maxBytes.
func piece(invs []ledger.Invoice, maxCount int, maxBytes int64) []ledger.Invoice {
	n, sum := 0, int64(0)
	for n < min(len(invs), maxCount) {
		if sum += invs[n].Size; sum > maxBytes && n > 0 {
			break
		}
		n++
	}
	return invs[:n]
}
