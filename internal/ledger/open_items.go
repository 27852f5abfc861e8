package ledger

import "context"

// OpenItems counts what a person still has to act on, by state: rejected, parked and refused.
func (ds *DecisionStore) OpenItems(ctx context.Context) (map[string]int64, error) {
	counts, err := ds.entries.Counts(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := ds.refusals.OpenRefusals(ctx)
	if err != nil {
		return nil, err
	}
	open := map[string]int64{"refused": refused}
	for _, s := range States() {
		if s.Open() {
			open[string(s)] = counts[string(s)]
		}
	}
	return open, nil
}
