package ledger

import "context"

// OpenItems counts what a person still has to act on, by state: rejected, parked and refused. With
// an [*UnreadableError] it returns the counts without the refusals that cannot be counted.
func (ds *DecisionStore) OpenItems(ctx context.Context) (map[string]int64, error) {
	counts, err := ds.entries.Counts(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := ds.refusals.OpenRefusals(ctx)
	sick, err := Skip(err)
	if err != nil {
		return nil, err
	}
	open := map[string]int64{"refused": refused}
	for _, s := range States() {
		if s.Open() {
			open[string(s)] = counts[string(s)]
		}
	}
	return open, some(sick)
}
