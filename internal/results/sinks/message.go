package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Editor makes result documents from outcomes.
type Editor struct {
	Ledger      *ledger.Ledger
	Environment string // for links, as [results.Of] takes it
	// Document returns the document of an invoice, or nil when the document is gone or cannot be
	// read now. If Document itself is nil, amounts are left out.
	Document func(context.Context, *ledger.Invoice) []byte
}

// errUnread says that the entry was written by a newer build, or is damaged. A record of a refused
// document that cannot be read has an error of its own, which says where the record is.
var errUnread = errors.New("its entry in the ledger cannot be read by this worker; see ksef_unreadable_entries")

// errSealed says that a text of the result is sealed and that this worker cannot open it. The
// receiver would get a placeholder in place of the text.
var errSealed = errors.New("a text of this result is sealed with a storage key that this worker does not have; see storage.key_file")

// documentsParallel is how many documents are read at the same time.
const documentsParallel = 16

// Edited is an outcome with its result document, or with the reason why there is none.
type Edited struct {
	Message
	// Gone says that there is nothing to tell. The entry has left the ledger or is not final, its
	// tenant is not wanted, or a later outcome tells of the same refused document.
	Gone bool
	// Unwanted says that the outcome is Gone because its tenant is not wanted.
	Unwanted bool
	// Lost says that the outcome is Gone because its record was dropped before the receiver was
	// told.
	Lost bool
	// Err is why the result cannot be sent now. In that case Result has the readable fields only.
	// It has the tenant, if known, and no sealed text.
	Err error
	// Unread is the entry or record that cannot be read, when Err says that; otherwise nil.
	Unread *ledger.Unreadable
	// Changed is when the entry of an invoice changed last.
	Changed ledger.Millis
	// By is the client that handed in a refused document over HTTP; otherwise "".
	By string
}

// Edit makes the documents of outcomes, in the same order. An outcome of a tenant that is not
// wanted is Gone. The parameter wants gets the name of the tenant and the NIP of the seller, or ""
// when that is not known.
func (e *Editor) Edit(ctx context.Context, outcomes []ledger.Outcome, wants func(tenant, nip string) bool) ([]Edited, error) {
	told, err := e.Ledger.Told(ctx, outcomes)
	if err != nil {
		return nil, err
	}
	out := make([]Edited, len(told))
	var g errgroup.Group
	g.SetLimit(documentsParallel)
	for i := range told {
		t, m := &told[i], &out[i]
		m.At = t.Time()
		switch {
		case t.Unread: // if the tenant is not known, any receiver may want it
			m.Tenant = t.Tenant
			if m.Unwanted = t.Tenant != "" && !wants(t.Tenant, ""); !m.Unwanted {
				m.Unread, m.Err = t.Why, errUnread
				if t.Why != nil && t.Refusal() {
					m.Err = t.Why.Err
				}
			}
			m.Gone = m.Unwanted
			continue
		case t.OfRefusal != nil && t.OfRefusal.Revision() > t.Rev && t.State != "":
			m.Gone = true // its record has changed, and a later outcome tells of that
			continue
		case t.OfRefusal != nil:
			m.Result, m.By = results.Explained(t.OfRefusal), t.OfRefusal.By
		case t.Invoice != nil:
			m.Result, m.Changed = results.Of(*t.Invoice, e.Environment), t.Invoice.UpdatedAt
		default:
			m.Gone, m.Tenant = true, t.Tenant
			m.Lost = t.Missing && t.State != "" && (wants(t.Tenant, "") || t.Tenant == "" && !t.Refusal())
			continue
		}
		if !wants(m.Tenant, m.NIP) {
			m.Gone, m.Unwanted = true, true
			continue
		}
		if t.Sealed {
			m.Err = errSealed
			continue
		}
		if t.State == "" && t.Invoice != nil && !t.Invoice.State.Final() {
			m.Gone = true
			continue
		}
		g.Go(func() error {
			if e.Document != nil && t.Invoice != nil {
				m.AddDocument(e.Document(ctx, t.Invoice))
			}
			if t.Invoice != nil {
				m.Explain()
			}
			m.JSON, m.Err = json.Marshal(m.Result)
			return nil
		})
	}
	_ = g.Wait() // it returns no error
	return out, context.Cause(ctx)
}

// each calls f for every message, at most parallel at the same time, and collects the errors.
func each(messages []Message, parallel int, f func(*Message) error) []error {
	errs := make([]error, len(messages))
	var running sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range messages {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(&messages[i])
		})
	}
	running.Wait()
	return errs
}
