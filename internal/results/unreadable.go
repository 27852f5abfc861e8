package results

import (
	"time"

	"ksefworker/internal/ledger"
)

// Unreadable is the state that HTTP answers give an invoice or a refused document whose record
// exists but cannot be read by the process that answers. Receivers never get this state, because
// their results wait for a process that can read the record.
const Unreadable = "unreadable"

// notReadable is the end of the reason of every result in the state [Unreadable]. It follows the
// words about what is known of the invoice.
const notReadable = "this server cannot read the rest of its record now: a newer version wrote it, it is damaged, or the " +
	"server lacks a storage key. Nothing is lost; ask for it by its id later"

// WithoutRecord returns what can be told of an outcome whose record cannot be read. known has the
// fields that could be read. If none could be read, known is the zero value. Otherwise it is a
// result without the sealed texts.
func WithoutRecord(known Result, o *ledger.Outcome) Result {
	r := known
	r.ID, r.Revision, r.Code, r.KsefNumber = o.ID, o.Rev, o.Code, o.KsefNumber
	r.UpdatedAt, r.Explanations = o.Time().UTC().Format(time.RFC3339), nil
	return r.unreadable("it became " + string(o.State))
}

// Dropped returns what can be told of an outcome whose record the ledger does not have any more.
// The record of a refused document is nowhere else. An invoice may be in the archive.
func Dropped(o *ledger.Outcome) Result {
	r := Result{
		ID: o.ID, Tenant: o.Tenant, Revision: o.Rev, State: string(o.State), Code: o.Code, KsefNumber: o.KsefNumber,
		UpdatedAt: o.Time().UTC().Format(time.RFC3339), Reason: "its record is not kept any more, so this is all that is known of it",
	}
	if !o.Refusal() {
		r.Reason = "its entry is not in the ledger any more, so this is all that is known of it here; ask for it by its id: the archive may have more"
	}
	return r
}

// WithoutEntry returns what can be told of an entry that cannot be read.
func WithoutEntry(u *ledger.Unreadable) Result {
	r := Result{ID: u.ID, Tenant: u.Tenant, Package: u.Package}
	state := u.KnownState()
	if state == "" {
		return r.unreadable("it is here")
	}
	return r.unreadable("it is " + state)
}

func (r *Result) unreadable(known string) Result {
	r.State, r.Reason = Unreadable, known+"; "+notReadable
	r.Explain()
	return *r
}
