package waiting

import (
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// alone returns the stage of an invoice that is queued by itself, outside of sets and packages. The
// id of its task has the revision that the invoice had when the task was queued. An attempt may
// move the invoice to sending and back without sending it. The revision of the invoice is then
// greater by two, but the task that tries again keeps its id. So the invoice may have tasks of
// several revisions. Any of them would send it, and the newest one counts.
//
// An invoice without a task of its own may be in a chunk, whose id says nothing of the invoice.
// Then alone returns a stage with the id of the invoice, by which [queue.Stats.Of] finds the chunk.
func (f *Facts) alone(inv *ledger.Invoice) stage {
	first := inv.FirstRev()
	for rev := inv.Rev; rev >= first && inv.Rev-rev <= maxAttempts; rev-- {
		for _, kind := range aloneKinds {
			if _, ok := f.Queues.Tasks[queue.TaskID(kind, inv.ID, rev)]; ok {
				return stage{kind: kind, id: inv.ID, rev: rev, overflow: inv.Overflow}
			}
		}
	}
	return stage{kind: queue.KindSubmit, id: inv.ID, rev: inv.Rev, overflow: inv.Overflow}
}

// aloneKinds are the kinds of task that an invoice queued by itself may have. KindSend comes first,
// because a task of KindSubmit queues one of KindSend and is done.
var aloneKinds = []queue.Kind{queue.KindSend, queue.KindSubmit}

const (
	// maxAttempts is how many revisions back the search for the task of an invoice goes when the
	// tasks have been read already. maxAttemptsAsked is the same for a search in which each task
	// costs a round trip.
	maxAttempts      = 64
	maxAttemptsAsked = 8
)

// tasksOf lists the tasks that may be about an invoice, by kind and revision, the most likely
// first.
func (f *Facts) tasksOf(inv *ledger.Invoice) []stage {
	s := f.stageOf(inv)
	switch {
	case s.id == "":
		return nil
	case inv.State != ledger.Queued:
		return []stage{s}
	}
	var all []stage
	first := inv.FirstRev()
	// An attempt moves the invoice twice, and each move raises its revision by one. So a task can
	// have only every other revision.
	for rev := inv.Rev; rev >= first && inv.Rev-rev <= maxAttemptsAsked; rev -= 2 {
		for _, kind := range aloneKinds {
			all = append(all, stage{kind: kind, id: inv.ID, rev: rev, overflow: inv.Overflow})
		}
	}
	return all
}
