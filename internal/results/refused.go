package results

import (
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Refused is the state of a document that was not taken in. The ledger has no entry for such a
// document.
const Refused = "refused"

// OfRefusal returns a recorded refusal in the form of an invoice's result.
func OfRefusal(r *ledger.Refusal) Result {
	out := Result{
		ID: r.ID, File: r.File, Ref: r.Ref, NIP: r.NIP, Number: r.Number, Kind: r.Kind,
		IssueDate: invoice.Day(r.IssueDate), // an earlier build recorded P_1 even if it was no date
		Tenant:    r.Tenant, State: Refused, Reason: RefusalReason(r),
		UpdatedAt: max(r.At, r.EndedAt).Time().UTC().Format(time.RFC3339),
		Revision:  r.Revision(),
	}
	if r.Ended != "" {
		out.State = r.Ended
		out.Reason = r.Note + "; it was refused: " + out.Reason
		if r.Ended == ledger.RefusalSuperseded {
			out.Reason, out.SupersededBy = "superseded "+out.Reason, successor(r.Note)
		}
	}
	return out
}

// Recorded sets the revision and the time of a result that was made from a refused document. at is
// the time of the refusal's record. 0 means that the refusal is not on record, and then Recorded
// changes nothing.
func (r *Result) Recorded(at ledger.Millis) {
	if on := (ledger.Refusal{At: at}); at != 0 {
		r.Revision, r.UpdatedAt = on.Revision(), at.Time().UTC().Format(time.RFC3339)
	}
}

// successor returns the id of the invoice that ended a refusal, from what intake notes about the
// end: "by" and the invoice's id. It returns "" when something else ended it, such as a later
// refusal.
func successor(note string) string {
	if id, ok := strings.CutPrefix(note, "by "); ok && strings.HasPrefix(id, "inv-") {
		return id
	}
	return ""
}

// RefusalReason returns in one line why a document was refused.
func RefusalReason(r *ledger.Refusal) string {
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
