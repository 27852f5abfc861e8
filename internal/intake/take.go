package intake

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// answer is what became of one sound document.
type answer struct {
	ledger.TakeResult
	differs string          // what differs, when the invoice is here already in other bytes
	past    *results.Result // the result of an invoice that only the archive knows
	err     error           // why the document was refused
}

// take lets the ledger take sound documents in. When the ledger has another document of the same
// identity, take compares the two documents. So a repeated export counts as present. Most calls
// meet no such document, and the comparison costs them nothing.
func (a *Admitter) take(ctx context.Context, sound []ledger.NewInvoice, document func(i int) []byte) ([]answer, error) {
	out := make([]answer, len(sound))
	todo, err := a.lookUpOld(ctx, sound, out)
	if err != nil {
		return nil, err
	}
	// In the first round the ledger also refuses a document when the other document of its identity
	// has ended. The second round is for those documents that may take the place of the ended one.
	for ask := true; len(todo) > 0; ask = false {
		batch := sound
		if len(todo) < len(sound) {
			batch = make([]ledger.NewInvoice, len(todo))
			for k, i := range todo {
				batch[k] = sound[i]
			}
		}
		for k := range batch {
			batch[k].AskEnded = ask
		}
		results, err := a.Ledger.Take(ctx, batch)
		if err != nil {
			return nil, err
		}
		tellTaken(ctx, a.Trail, batch, results)
		var refused []int
		for k, r := range results {
			out[todo[k]].TakeResult = r
			if r.Taken == ledger.Refused {
				refused = append(refused, todo[k])
			}
		}
		todo = a.compareAll(ctx, refused, sound, out, document)
	}
	return out, nil
}
