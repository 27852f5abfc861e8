package intake

import (
	"context"
	"errors"
	"sync"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/shell"
	"ksefworker/internal/tracing"
)

// Admitter takes documents in. Ledger, Queue, Bodies, Store, Accounts and Now are required. It is
// safe for concurrent use.
type Admitter struct {
	Ledger   *ledger.Ledger
	Queue    *queue.Queue
	Bodies   *ledger.Bodies
	Store    archive.Store // for documents too large for Redis
	Accounts []Account     // the tenants that invoices may belong to
	Check    invoice.CheckOptions
	// AllowDiscouraged says that discouraged Unicode characters are taken, with a warning.
	AllowDiscouraged bool
	Retention        time.Duration // of ended entries in the ledger; 0 means that it forgets none
	Now              func() time.Time
	NamedBy          NamedBy // how senders name a tenant, for hints
	// Enqueue says how a person calls the command enqueue here. Hints show such calls.
	Enqueue shell.Enqueue
	Trail   tracing.Trail // is told of each invoice that is taken in
	// IntakeBelow is the share of Redis's memory at which nothing new is taken. 0 or 1 means no
	// check.
	IntakeBelow float64

	confined bool          // made by Only: Accounts may lack some tenants of the pool
	timeout  time.Duration // how long one step waits for the archive; 0 is compareTimeout
	buffers  sync.Pool     // of *[]byte: the sealed documents of one call, one after the other
}

// maxBuffer is the largest buffer, in bytes, that is kept for the next call. A buffer that has
// grown larger is not kept.
const maxBuffer = 4 << 20

// Admit checks documents, writes the sound ones into the ledger and queues their tasks. One bad
// document harms no other, because each has an error of its own. Once Admit has answered that an
// invoice is created, the invoice is never lost. If its task could not be queued, the sweep queues
// it.
//
// An error says that Redis failed, or that nothing may be taken in now. A document without an
// answer may then have been taken, and can safely be handed in again. When the archive does not
// answer, only the documents that need it get an [*UnsureError].
func (a *Admitter) Admit(ctx context.Context, docs []Document, terms Terms) ([]Admission, error) {
	// The ledger is asked at most once whether it may take documents in. It is asked before
	// anything is stored, and only when a document is sound.
	read := sync.OnceValues(func() (ledger.Intake, error) { return a.Ledger.Intake(ctx) })
	mayTake := sync.OnceValue(func() error {
		in, err := read()
		if err != nil {
			return err
		}
		return a.Ledger.MayTake(ctx, in, a.Bodies, a.IntakeBelow)
	})
	out := make([]Admission, len(docs))
	sound := make([]ledger.NewInvoice, 0, len(docs))
	at := make([]int, 0, len(docs)) // sound[i] is docs[at[i]]
	buffer, _ := a.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer func() {
		if *buffer = (*buffer)[:0]; cap(*buffer) <= maxBuffer {
			a.buffers.Put(buffer)
		}
	}()
	large := &largeDocuments{store: a.Store, bodies: a.Bodies}
	seen := make(map[string]int, len(docs))
	// Each pair is two documents of the call with the same id: the index of the later one, then the
	// index of the first.
	var repeated [][2]int
	for i, d := range docs {
		own := d.terms(terms)
		out[i].File, out[i].Unnamed, out[i].Ref, out[i].Asked = d.File, d.Unnamed, d.Ref, own.Tenant
		n, err := a.prepare(ctx, d, own, buffer, large, mayTake)
		var refused refusal
		switch {
		case err == nil:
		case errors.As(err, &refused):
			out[i].Taken, out[i].Err, out[i].Invoice = ledger.Refused, errors.Unwrap(err), n.Invoice
			continue
		default:
			return nil, err
		}
		out[i].Invoice = n.Invoice
		if n.warning != nil {
			out[i].Warning = n.warning
		}
		if first, twice := seen[n.ID]; twice {
			repeated = append(repeated, [2]int{i, first})
			continue
		}
		seen[n.ID] = i
		sound, at = append(sound, n.NewInvoice), append(at, i)
	}
	sound, at, err := a.withoutDrained(ctx, read, sound, at, out)
	if err != nil {
		return nil, err
	}
	if len(sound) > 0 {
		if err := mayTake(); err != nil {
			return nil, err
		}
	}
	if sound, at, err = withoutStrangers(ctx, a.Ledger, a.confined, sound, at, out); err != nil {
		return nil, explainFull(err)
	}
	// A large document must be durable before the ledger says that it is here.
	if sound, at, err = large.flush(ctx, sound, at, out); err != nil {
		return nil, err
	}
	if err := a.markOverflow(ctx, sound); err != nil {
		return nil, explainFull(err)
	}
	answers, err := a.take(ctx, sound, func(i int) []byte { return docs[at[i]].Data })
	if err != nil {
		return nil, explainFull(err)
	}
	for i := range answers {
		o, r := &out[at[i]], &answers[i]
		o.Taken, o.Err, o.Differs, o.Archived = r.Taken, r.err, r.differs, r.past != nil
		switch {
		case r.Taken == ledger.RefUsed, r.Taken == ledger.Present && r.RefOf != "" && r.RefOf != r.ID:
			o.Taken, o.Err, o.Other = ledger.Refused, refUsed(o.Ref, r), r.RefOf
		case r.Taken == ledger.Refused:
			o.Other = r.ID
		case r.past != nil:
			r.past.Restore(&o.Invoice)
			if r.past.Tenant != "" {
				o.Invoice.Tenant = r.past.Tenant
			}
		default:
			o.Invoice.ID, o.Invoice.State, o.Invoice.Overflow = r.ID, r.State, r.Overflow
			o.Invoice.Rev, o.Invoice.Revision, o.Invoice.CreatedAt = r.Rev, r.Revision, r.CreatedAt
			if r.Taken == ledger.Present {
				o.Invoice.Ref = r.Ref
			}
		}
		if r.Taken == ledger.Unread {
			o.Taken, o.Err = ledger.Refused, unreadEntry(&o.Invoice, &r.TakeResult)
		}
	}
	if err := a.findHeld(ctx, docs, out); err != nil {
		return nil, err
	}
	// A document that the call holds a second time is here already. Its terms are applied like the
	// terms of a later call.
	for _, r := range repeated {
		first := out[r[1]]
		again := out[r[0]]
		out[r[0]] = first
		out[r[0]].File, out[r[0]].Unnamed, out[r[0]].Ref, out[r[0]].Asked = again.File, again.Unnamed, again.Ref, again.Asked
		if first.Taken == ledger.Created {
			out[r[0]].Taken = ledger.Present
		}
	}
	asked := func(i int) Terms { return docs[i].terms(terms) }
	failed := a.applyTerms(ctx, out, asked)
	for _, r := range repeated { // applyTerms may have changed the entry since the first answer
		out[r[1]].catchUp(&out[r[0]])
	}
	for _, r := range repeated {
		out[r[0]].catchUp(&out[r[1]])
		if asked(r[0]).newTerms() == asked(r[1]).newTerms() {
			out[r[0]].Terms = out[r[1]].Terms
		}
	}
	keepRefs(out)
	return out, errors.Join(failed, a.queue(ctx, out))
}

// catchUp takes over the state in o if o was read later. o is another answer about the same entry.
func (adm *Admission) catchUp(o *Admission) {
	if o.Invoice.Rev > adm.Invoice.Rev {
		adm.Invoice.State, adm.Invoice.Rev = o.Invoice.State, o.Invoice.Rev
	}
}

// overflowAbove is how many invoices one tenant may hand in within a minute before the rest go to
// the overflow queues (see [queue.Queues]). There they do not delay the invoices of other tenants.
const overflowAbove = 500

// markOverflow marks the invoices of tenants that have handed in more than overflowAbove lately.
func (a *Admitter) markOverflow(ctx context.Context, sound []ledger.NewInvoice) error {
	if len(sound) == 0 {
		return nil
	}
	more := map[string]int64{}
	for i := range sound {
		more[sound[i].Tenant]++
	}
	sums, err := a.Ledger.Inflow(ctx, more)
	if err != nil {
		return err
	}
	for i := range sound {
		sound[i].Overflow = sums[sound[i].Tenant] > overflowAbove
	}
	return nil
}

func (a *Admitter) queue(ctx context.Context, out []Admission) error {
	var fresh []*ledger.Invoice
	for i := range out {
		inv := &out[i].Invoice
		// An invoice that is present and has not changed since it was taken in may come from an
		// earlier try whose answer was lost. Queueing it once more does no harm.
		if out[i].Taken == ledger.Created || (out[i].Taken == ledger.Present && inv.State == ledger.Queued && inv.Fresh()) {
			fresh = append(fresh, inv)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return a.Queue.PutChunks(ctx, fresh)
}
