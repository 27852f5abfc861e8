package intake

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// Record is what Refusals needs of [ledger.Ledger].
type Record interface {
	Refuse(ctx context.Context, refusals []ledger.Refusal) error
	EndRefusals(ctx context.Context, ends []ledger.RefusalEnd) (int, error)
	OpenRefusals(ctx context.Context) (int64, error)
}

// Refusals puts on record what was refused, and strikes off what was taken since. Nothing that goes
// wrong with it stops the taking. Not safe for concurrent use.
type Refusals struct {
	Record Record
	Tenant func(nip string) bool

	// Unrecorded counts the refusals that could not be put on record, and Err says why, the first time.
	Unrecorded int
	Err        error

	asked bool // whether any are open
	open  bool
}

// Note goes through what became of some documents.
//
// A refusal is told from others by its document's identity (seller, kind, number) where that was read
// and is not itself at fault, else by its file. A document that is taken ends those of its identity
// and of its file.
func (r *Refusals) Note(ctx context.Context, adms []tasks.Admission) {
	if !r.asked {
		open, err := r.Record.OpenRefusals(ctx)
		if err != nil {
			r.failed(0, err)
		}
		r.asked, r.open = err == nil, err != nil || open > 0
	}
	var refused []ledger.Refusal
	var ends []ledger.RefusalEnd
	for i := range adms {
		a, by := &adms[i], adms[i].Invoice.ID
		taken := a.Taken != ledger.Refused
		if !taken {
			on, ok := r.refusal(a)
			if !ok {
				continue
			}
			refused, by = append(refused, on), on.ID
		}
		// One that is refused may have been so before when less of it could be read: it is on record by
		// its identity now.
		if r.open {
			ends = append(ends, r.ends(a, by, taken)...)
		}
	}
	if len(ends) > 0 {
		if _, err := r.Record.EndRefusals(ctx, ends); err != nil {
			r.failed(0, err)
		}
	}
	if len(refused) > 0 {
		if err := r.Record.Refuse(ctx, refused); err != nil {
			r.failed(len(refused), err)
			return
		}
		r.open = true
	}
}

func (r *Refusals) failed(n int, err error) {
	r.Unrecorded += n
	if r.Err == nil {
		r.Err = err
	}
}

// refusal is false for what is no document's fault: a path that is not there is a mistake in the
// call, and what could not be found out now is to be handed in again.
func (r *Refusals) refusal(a *tasks.Admission) (ledger.Refusal, bool) {
	var unsure *tasks.UnsureError
	var problem *Problem
	if errors.As(a.Err, &unsure) || errors.As(a.Err, &problem) && problem.Path {
		return ledger.Refusal{}, false
	}
	inv := &a.Invoice
	out := ledger.Refusal{NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number, IssueDate: inv.IssueDate, File: a.File, Tenant: r.tenant(inv.NIP)}
	faults := invoice.FieldErrors(a.Err)
	identified := inv.NIP != "" && inv.Kind != "" && inv.Number != "" && inv.ID == ""
	for _, f := range faults {
		identified = identified && !namesIdentity(f.Field)
		if len(out.Faults) == maxFaults {
			out.More++
			continue
		}
		out.Faults = append(out.Faults, ledger.RefusalFault{Field: f.Field, Rule: f.Rule, Value: f.Value, Hint: f.Hint, Line: f.Line, Column: f.Column})
	}
	if len(faults) == 0 {
		out.Faults = []ledger.RefusalFault{{Rule: a.Err.Error()}}
	}
	switch path := pathOf(a.File); {
	// A sound document whose number another one has: that one being handed in again fixes nothing.
	case identified:
		out.ID = ledger.RefusalOfInvoice(ledger.Identity{NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number})
	case path == "":
		out.ID = ledger.RefusalOfFile(a.File + "\x00" + out.Faults[0].Field + out.Faults[0].Rule + inv.Number)
	default:
		out.ID = ledger.RefusalOfFile(path)
	}
	return out, true
}

// maxFaults of a document are kept. Whoever mends it sees all of them when it is handed in again.
const maxFaults = 5

// ends are the refusals that are settled by what became of a document: that of its file, and with
// taken that of its identity. by is the entry that says so; itself is never among them.
func (r *Refusals) ends(a *tasks.Admission, by string, taken bool) []ledger.RefusalEnd {
	inv := &a.Invoice
	var ids []string
	if taken {
		ids = append(ids, ledger.RefusalOfInvoice(ledger.Identity{NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number}))
	}
	if path := pathOf(a.File); path != "" {
		ids = append(ids, ledger.RefusalOfFile(path))
	}
	var out []ledger.RefusalEnd
	for _, id := range ids {
		if id != by {
			out = append(out, ledger.RefusalEnd{ID: id, Tenant: r.tenant(inv.NIP),
				Ended: ledger.RefusalSuperseded, Note: "by " + by})
		}
	}
	return out
}

// tenant is whose list a refusal stands in. A seller that is nobody's has no list of its own, or
// whoever hands in rubbish would have as many as there are numbers.
func (r *Refusals) tenant(nip string) string {
	if nip != "" && r.Tenant(nip) {
		return nip
	}
	return ""
}

// pathOf is a file's name wherever it is named from; "" for standard input, of which each time may be
// another document.
func pathOf(file string) string {
	if file == "-" || strings.HasPrefix(file, "-/") {
		return ""
	}
	if abs, err := filepath.Abs(file); err == nil {
		return abs
	}
	return file
}

// namesIdentity reports a field that is part of a document's identity: at fault, it will be another
// when the document is fixed.
func namesIdentity(field string) bool {
	return field == invoice.DocumentField || strings.HasPrefix(field, "Podmiot1") || strings.HasSuffix(field, "P_2") || strings.HasSuffix(field, "RodzajFaktury")
}
