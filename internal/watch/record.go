package watch

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// record puts refused documents on record, and ends the earlier refusals of documents that were
// taken. It leaves out documents that wait. The error says why a refusal is not on record. The
// refused file then waits until its refusal is on record.
func (sm *submitter) record(ctx context.Context, adms []intake.Admission) error {
	var note []intake.Admission
	var at []int // note[k] is adms[at[k]]
	for i := range adms {
		if _, ok := waiting(&adms[i]); !ok {
			note, at = append(note, adms[i]), append(at, i)
		}
	}
	if sm.o.Record == nil || len(note) == 0 {
		return nil
	}
	refusals := &intake.Refusals{Record: sm.o.Record, Tenant: sm.o.Owner, Accounts: sm.o.Tenants, Unpacked: true}
	refusals.Note(ctx, note)
	for k, i := range at {
		adms[i].Refusal, adms[i].RefusedAt = note[k].Refusal, note[k].RefusedAt
	}
	if refusals.Untold > 0 {
		sm.o.Log.Warn().Int("refusals", refusals.Untold).
			Msg("too many documents of one tenant were refused: receivers of results are not told of these")
	}
	if refusals.Unrecorded > 0 {
		return &waits{"is refused, and the refusal cannot be recorded: " + intake.OneLine(refusals.Err) + "; it is tried again"}
	}
	if refusals.Err != nil {
		sm.o.Log.Warn().Err(refusals.Err).Msg("earlier refusals of documents that are taken now may stay open for a while; the sweep of a worker ends them")
	}
	return nil
}

// idOf returns the id of the invoice that an answer is about; "" when there is none.
func idOf(a *intake.Admission) string {
	if a.Taken == ledger.Refused {
		return a.Held.ID // it was taken before, and goes on as its entry says
	}
	return a.Invoice.ID
}

// waiting returns why a file is handed in again later; false when it is not.
func waiting(a *intake.Admission) (string, bool) {
	why, ok := waitsFor(a.Err)
	return why, ok && idOf(a) == ""
}

// waitsFor returns why a document is handed in again later; false when it is refused, or taken.
func waitsFor(err error) (string, bool) {
	if later, ok := errors.AsType[*waits](err); ok {
		return later.why, true
	}
	if unsure, ok := errors.AsType[*intake.UnsureError](err); ok {
		return intake.OneLine(unsure) + "; the watch does that by itself", true
	}
	if r, ok := errors.AsType[*intake.RefusedError](err); ok && (r.Remedy == ledger.RemedyResume || r.Remedy == ledger.RemedyWait) {
		return intake.OneLine(r) + "; it is tried again", true
	}
	return "", false
}

func (sm *submitter) later(name, why string, after time.Duration) {
	sm.retry[name] = attempt{why, sm.o.Now().Add(after)}
	sm.problem(taken+"/"+name, why)
}
