package httpintake

import (
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/results/sinks"
)

// The client's outcomes may be about invoices that have no entry any more. lostOnes looks for these
// invoices in the archive. left is how many more the call may look up. n is how many of the
// outcomes can be told now. The next call begins with the first invoice that this call may not look
// up any more, so that no outcome is left out.
func (e *events) lostOnes(c *call, outcomes []ledger.Outcome, told []sinks.Edited, left *int) (n int, archived map[string]results.Result) {
	var ids []string
	for n = 0; n < len(told); n++ {
		o := &outcomes[n]
		if !told[n].Lost || o.Refusal() || !c.maySee(told[n].Tenant) || slices.Contains(ids, o.ID) {
			continue
		}
		if len(ids) == *left {
			break
		}
		ids = append(ids, o.ID)
	}
	*left -= len(ids)
	archived, _ = e.archived(c, ids...) // an outcome is told even without its archived result
	return n, archived
}

// ofLost returns what can be told of an outcome whose invoice has no entry any more. The facts of
// the invoice that never change come from its archived result, if there is one. All other facts
// come from that result only if it is about the same outcome.
func ofLost(c *call, o *ledger.Outcome, tenant string, archived map[string]results.Result) results.Result {
	out := results.Dropped(o)
	r, ok := archived[o.ID]
	if !ok || !c.owns(r.Tenant) || tenant != "" && tenant != r.Tenant {
		return out
	}
	inKSeF := o.State.InKSeF() && ledger.State(r.State).InKSeF()
	if (inKSeF || r.State == string(o.State)) && (o.KsefNumber == "" || r.KsefNumber == o.KsefNumber) {
		if r.State != string(o.State) {
			r.UPO = "" // the receipt came after this outcome
		}
		r.State, r.Revision, r.UpdatedAt = out.State, o.Rev, o.Time().UTC().Format(time.RFC3339)
		return r
	}
	out.File, out.Ref, out.NIP, out.Number, out.Kind, out.IssueDate = r.File, r.Ref, r.NIP, r.Number, r.Kind, r.IssueDate
	out.Tenant, out.Hash, out.Gross, out.Currency = r.Tenant, r.Hash, r.Gross, r.Currency
	return out
}
