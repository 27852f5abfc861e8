package main

import (
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// resultOfRefusal tells a refusal that is on record like an invoice.
func resultOfRefusal(r *ledger.Refusal) tasks.Result {
	out := tasks.Result{ID: r.ID, File: r.File, NIP: r.NIP, Number: r.Number, Kind: r.Kind, IssueDate: r.IssueDate, State: stateRefused,
		Reason: refusalReason(r), UpdatedAt: r.At.Time().UTC().Format(time.RFC3339)}
	if r.Ended != "" {
		out.State = r.Ended
		out.Reason = r.Note + "; it was refused: " + out.Reason
		if r.Ended == ledger.RefusalSuperseded {
			out.Reason = "superseded " + out.Reason
		}
	}
	return out
}

func refusalReason(r *ledger.Refusal) string {
	var all []string
	for _, f := range r.Faults {
		if f.Field == "" {
			all = append(all, f.Rule)
			continue
		}
		e := invoice.FieldError{Field: f.Field, Rule: f.Rule, Value: f.Value, Hint: f.Hint, Line: f.Line, Column: f.Column}
		all = append(all, e.Error())
	}
	if r.More > 0 {
		all = append(all, fmt.Sprintf("and %d more", r.More))
	}
	return strings.Join(all, " | ")
}

// sayUnrecorded tells that refusals are not on record: then only this output names them.
func (p *program) sayUnrecorded(r *intake.Refusals) {
	switch {
	case r.Unrecorded > 0:
		p.say("%d of the refused are not on record (enqueue open will not list them): %v", r.Unrecorded, r.Err)
	case r.Err != nil:
		p.say("what was refused before and is taken now may still be listed by enqueue open: %v", r.Err)
	}
}
