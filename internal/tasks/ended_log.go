package tasks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// maxEndedLines is how many invoices rejected in one step get a log line of their own. It is the
// bound for invoices parked in one step, too. If there are more, as when KSeF rejects a package of
// ten thousand, the log counts the others by their reason.
const maxEndedLines = 10

// ending is how an invoice ended, as the log tells it.
type ending struct {
	state ledger.State
	code  int
	why   string
}

// endingOf returns how a move ended its invoice. It returns false for a move that neither rejects
// nor parks the invoice. The text leaves out KSeF's words, because they may quote the invoice.
// Those words are kept in the ledger, for enqueue status, and not in the log.
func endingOf(m settlement.Move) (ending, bool) {
	e := ending{code: m.Code, why: m.Gist}
	switch m.Fate {
	case settlement.Park:
		e.state = ledger.Parked
	case settlement.Reject:
		e.state = ledger.Rejected
	default:
		return ending{}, false
	}
	if e.why == "" {
		meaning, known := ksef.InvoiceMeaning(m.Code)
		if e.why = meaning; !known {
			e.why = "KSeF answered a code that is not documented"
		}
	}
	return e, true
}

// logEnded logs which invoices a person has to act on now, and why. The argument made has the
// result of each move.
func (w *writer) logEnded(moves []settlement.Move, made []ledger.Moved) {
	told, more := map[ledger.State]int{}, map[ending]int{}
	for i, m := range moves {
		e, ended := endingOf(m)
		if !ended || made[i].Conflict != nil {
			continue
		}
		if told[e.state]++; told[e.state] > maxEndedLines {
			more[e]++
			continue
		}
		w.endedLine(e).Str("id", m.Invoice.ID).Str("tenant", m.Invoice.Tenant).
			Msg(fmt.Sprintf("invoice %s; it waits for a person: %s says what to do", e.state, w.o.Enqueue.Call("open")))
	}
	for _, e := range slices.SortedFunc(maps.Keys(more), func(a, b ending) int {
		return cmp.Or(more[b]-more[a], cmp.Compare(a.state, b.state), a.code-b.code)
	}) {
		w.endedLine(e).Int("invoices", more[e]).
			Msg(fmt.Sprintf("more invoices %s; each waits for a person: %s lists them", e.state, w.o.Enqueue.Call("open")))
	}
}

func (w *writer) endedLine(e ending) *zerolog.Event {
	line := w.o.Log.Warn()
	if e.code != 0 {
		line = line.Int("code", e.code)
	}
	return line.Str("reason", e.why)
}
