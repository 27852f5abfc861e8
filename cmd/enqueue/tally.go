package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// handed is one document that was taken in, now or earlier.
type handed struct {
	file, id string
	warning  string
	taken    string          // new or present
	past     *ledger.Invoice // from the archive when the ledger does not know the invoice, otherwise nil
}

// tally counts what was handed in.
type tally struct {
	created, present, refused int
	noDocument                int // among the refused: paths that gave no document at all
	empty                     int // folders and manifests without an invoice, which are not a fault
	unsure                    int // among the refused: sound documents to hand in again, because something else failed
	waiting                   int // among the present: documents that wait for a person
	dismissed                 int // among the present: documents that a person dismissed
	taken                     []handed
}

// removeEmpty reports the folders and manifests that hold no invoice, and removes them from adms.
// Such folders and manifests are no fault, because a company may issue no invoices on some days.
func (t *tally) removeEmpty(p *program, adms []intake.Admission) []intake.Admission {
	return slices.DeleteFunc(adms, func(a intake.Admission) bool {
		problem, ok := errors.AsType[*intake.Problem](a.Err)
		if !ok || !problem.Empty {
			return false
		}
		p.say("%s: %s; nothing to hand in there", a.File, problem.What)
		t.empty++
		return true
	})
}

func (t *tally) add(adms []intake.Admission) {
	for i := range adms {
		switch a := &adms[i]; a.Taken {
		case ledger.Created:
			t.created++
			t.taken = append(t.taken, handed{file: a.File, id: a.Invoice.ID, warning: warningText(a.Warning), taken: takenWord(a.Taken)})
		case ledger.Present:
			t.present++
			switch {
			case a.Invoice.State.Open():
				t.waiting++
			case a.Invoice.State == ledger.Dismissed:
				t.dismissed++
			}
			h := handed{file: a.File, id: a.Invoice.ID, warning: warningText(a.Warning), taken: takenWord(a.Taken)}
			if a.Archived {
				h.past = &a.Invoice
			}
			t.taken = append(t.taken, h)
		default:
			t.refused++
			if _, ok := errors.AsType[*intake.UnsureError](a.Err); ok {
				t.unsure++
			}
			// A .zip without a document counts as a refused file, and not as a mistake in the call.
			if problem, ok := errors.AsType[*intake.Problem](a.Err); ok && problem.Path && !problem.Empty && !problem.Archive {
				t.noDocument++
			}
		}
	}
}

func (t *tally) String() string {
	var parts []string
	if t.created > 0 || t.present+t.refused == 0 {
		parts = append(parts, fmt.Sprintf("%d new", t.created))
	}
	if t.present > 0 {
		parts = append(parts, fmt.Sprintf("%d already here", t.present))
	}
	if t.refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", t.refused))
	}
	return fmt.Sprintf("%d handed in: %s", t.created+t.present+t.refused, strings.Join(parts, ", "))
}

// result returns the error that decides the exit code. It returns an error when a document was
// refused, waits for a person or was dismissed.
func (t *tally) result() error {
	switch {
	case t.unsure > 0:
		return fmt.Errorf("%w: documents not taken, though nothing is wrong with them: %d; each says why, hand the same files in again",
			connect.ErrUnreachable, t.unsure)
	case t.refused > 0, t.waiting > 0, t.dismissed > 0:
		return errSome
	}
	return nil
}
