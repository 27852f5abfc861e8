package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Document is one file as it was handed in.
type Document struct {
	File string // where it came from, for messages: a path, or archive.zip/name.xml
	Data []byte
}

// Terms are what the sender asks for, the same for all documents of a call.
type Terms struct {
	Lane     ledger.Lane // "" is auto, and leaves an invoice that is here already the lane that it has
	Offline  bool        // declared offline24: only a batch session has a place for it
	Deadline time.Time   // legal; zero takes the end of the next business day after P_1
	Tenant   string      // name of the tenant that sends; "" is the only one that may
}

// Admission is what became of one document. Err says why it was refused: a *[invoice.FieldError], several joined, or a *[RefusedError]; nothing of it was stored then,
// and Invoice holds no more than could be read. An [*UnsureError] says that handing it in again is right.
type Admission struct {
	File    string
	Taken   ledger.Taken // created or present; refused when Err is set
	Invoice ledger.Invoice
	// Differs is set when the same invoice is present in other bytes: an export made again. It says
	// what differs, such as "only the time of creation differs".
	Differs string
	// Archived says that the invoice was accepted so long ago that the ledger has forgotten it: Invoice
	// holds what its result in the archive tells.
	Archived bool
	// Terms says what became of the terms of this call, when the invoice is present and has others.
	Terms TermsAnswer
	// Warning is set when the document was taken although something about it is odd; nil for nearly
	// all.
	Warning error
	Err     error
	// Held is the entry of a document that is refused now and was taken before: what was sound then
	// is no longer, or it was handed in for another tenant. It goes on as its state says; its ID is
	// "" for all other documents. Of a repeated export only ID and State are set.
	Held ledger.Invoice
}

// RefusedError refuses a sound document because of something else: another document of its identity, or a tenant that is not configured.
type RefusedError struct {
	Rule string
	Hint string
}

func (e *RefusedError) Error() string { return e.Rule + "; " + e.Hint }

// Validator checks a document against the official schema; optional.
type Validator interface {
	Validate(document []byte) error
}

// Admitter takes documents in. Safe for concurrent use; all fields but Validator, Retention and IntakeBelow are required.
type Admitter struct {
	Ledger   *ledger.Ledger
	Queue    *Queue
	Bodies   *ledger.Bodies
	Store    archive.Store // for documents too large for Redis
	Accounts []Account     // the tenants that invoices may belong to
	Check    invoice.CheckOptions
	// TakeDiscouraged takes discouraged Unicode characters, with a warning.
	TakeDiscouraged bool
	Validator       Validator
	Retention       time.Duration // of ended entries in the ledger; 0 says that it forgets none
	Now             func() time.Time
	// IntakeBelow is the share of Redis's memory at which nothing new is taken; 0 or 1: no check.
	IntakeBelow float64

	patience time.Duration // with the archive, for one call; 0 is comparePatience
	rooms    sync.Pool     // of *[]byte: the sealed documents of one call, one after the other
}

// mostRoom is what is kept for the next call; a call with larger documents gets its own.
const mostRoom = 4 << 20

// Admit checks documents, writes those that are sound into the ledger and queues their tasks. One bad document harms no other: it has its own error. From the
// moment Admit returns created, the invoice is never lost, even when queueing failed afterwards: the sweep queues it again.
//
// The error is of Redis; what is not answered then was perhaps taken, and may safely be handed in again. An archive that does not answer is an [*UnsureError] of
// those documents that cannot do without it.
func (a *Admitter) Admit(ctx context.Context, docs []Document, terms Terms) ([]Admission, error) {
	// Asked once, before anything is stored, and not at all when nothing is to be stored.
	mayTake := sync.OnceValue(func() error { return a.Ledger.MayTake(ctx, a.Bodies, a.IntakeBelow) })
	out := make([]Admission, len(docs))
	sound := make([]ledger.NewInvoice, 0, len(docs))
	at := make([]int, 0, len(docs)) // sound[i] is docs[at[i]]
	room, _ := a.rooms.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer func() {
		if *room = (*room)[:0]; cap(*room) <= mostRoom {
			a.rooms.Put(room)
		}
	}()
	large := &largeDocuments{store: a.Store, bodies: a.Bodies}
	seen := make(map[string]int, len(docs))
	var twins [][2]int // documents of the same id within the call
	for i, d := range docs {
		out[i].File = d.File
		n, err := a.prepare(ctx, d, terms, room, large, mayTake)
		var refused interface{ refusal() bool }
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
			twins = append(twins, [2]int{i, first})
			continue
		}
		seen[n.ID] = i
		sound, at = append(sound, n.NewInvoice), append(at, i)
	}
	sound, at, err := a.withoutDrained(ctx, sound, at, out)
	if err != nil {
		return nil, err
	}
	if len(sound) > 0 {
		if err := mayTake(); err != nil {
			return nil, err
		}
	}
	// A large document is durable before the ledger says that it is here.
	if sound, at, err = large.flush(ctx, sound, at, out); err != nil {
		return nil, err
	}
	if err := a.markCrowds(ctx, sound); err != nil {
		return nil, noRoom(err)
	}
	answers, err := a.take(ctx, sound, func(i int) []byte { return docs[at[i]].Data })
	if err != nil {
		return nil, noRoom(err)
	}
	for i := range answers {
		o, r := &out[at[i]], &answers[i]
		o.Taken, o.Err, o.Differs, o.Archived = r.Taken, r.err, r.differs, r.past != nil
		switch {
		case r.Taken == ledger.Refused:
		case r.past != nil:
			r.past.Restore(&o.Invoice)
		default:
			o.Invoice.ID, o.Invoice.State, o.Invoice.Rev, o.Invoice.Revision, o.Invoice.Overflow = r.ID, r.State, r.Rev, r.Revision, r.Overflow
		}
		if r.Taken == ledger.Unread {
			o.Taken, o.Err = ledger.Refused, &RefusedError{
				Rule: fmt.Sprintf("the ledger has number %s (%s of seller %s) as %s, and that entry cannot be read",
					o.Invoice.Number, o.Invoice.Kind, o.Invoice.NIP, r.ID),
				Hint: "hand it in by a build as new as the newest worker; if the entry is damaged, see docs/failures.md",
			}
		}
	}
	if err := a.findHeld(ctx, docs, out); err != nil {
		return nil, err
	}
	failed := a.applyTerms(ctx, out, terms)
	for _, t := range twins {
		first := out[t[1]]
		file := out[t[0]].File
		out[t[0]] = first
		out[t[0]].File = file
		if first.Taken == ledger.Created {
			out[t[0]].Taken = ledger.Present
		}
	}
	return out, errors.Join(failed, a.queue(ctx, out))
}

// overflowAbove is how many invoices of one tenant in a minute are served in the order of arrival with everybody else's. It is a tenth of a second's work of the pool.
const overflowAbove = 500

// markCrowds marks what comes from a tenant that hands in very many at present.
func (a *Admitter) markCrowds(ctx context.Context, sound []ledger.NewInvoice) error {
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
		// Present at its first revision can be our own, its answer lost: queueing it once more does no harm.
		if out[i].Taken == ledger.Created || (out[i].Taken == ledger.Present && inv.State == ledger.Queued && inv.Rev == 1) {
			fresh = append(fresh, inv)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return a.Queue.PutAllNew(ctx, KindSubmit, fresh)
}

// noRoom says what to do when Redis itself refuses what is new.
func noRoom(err error) error {
	if ledger.IsFull(err) {
		return &ledger.FullError{}
	}
	return err
}

// refusal marks an error that is the document's own.
type refusal struct{ err error }

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }
func (r refusal) refusal() bool { return true }

// prepared is the entry of a sound document.
type prepared struct {
	ledger.NewInvoice
	warning error
}

// prepare makes an entry of a document. What is sealed lies in room, which others of the call share.
func (a *Admitter) prepare(ctx context.Context, d Document, terms Terms, room *[]byte, large *largeDocuments, mayTake func() error) (prepared, error) {
	var n prepared
	// Read to the end in any case: a refusal that names the invoice's number is worth more.
	h, err := invoice.ParseWith(d.Data, invoice.ParseOptions{MaxSize: a.largest(), TakeDiscouraged: true})
	if err == nil && h.Discouraged != nil && !a.TakeDiscouraged {
		err = h.Discouraged
	}
	// What is wrong with the document itself is told before what is wrong with where it belongs.
	from, nobody := a.sender(h, terms.Tenant)
	if err == nil {
		check := a.Check
		check.MaxBytes, check.MaxBytesWithAttachment = from.MaxBytes, from.MaxBytesWithAttachment
		err = invoice.Check(h, a.Now(), check)
	}
	if err == nil && a.Validator != nil {
		err = a.Validator.Validate(d.Data)
	}
	if err == nil {
		err = nobody
	}
	if err != nil {
		// As far as it could be read: a refusal that names the invoice's number is found in an export of thousands.
		n.Invoice = ledger.Invoice{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number, IssueDate: h.IssueDate, File: d.File, Size: h.Size,
			Tenant: from.Name, Hash: HashText(h.Hash)}
		return n, refusal{err}
	}
	soft, err := invoice.SoftDeadline(h.IssueDate)
	if err != nil {
		return n, refusal{err}
	}
	legal := terms.Deadline
	if legal.IsZero() {
		if legal, err = invoice.LegalDeadline(h.IssueDate); err != nil {
			return n, refusal{err}
		}
	}
	lane := terms.Lane
	if lane == "" {
		lane = ledger.Auto
	}
	n.Invoice = ledger.Invoice{
		ID:     ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash),
		Tenant: from.Name, NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number, IssueDate: h.IssueDate, Hash: HashText(h.Hash), File: d.File,
		Lane: lane, Offline: terms.Offline, Form: h.Form.Version(), Attachment: h.Attachment, Size: h.Size,
		Deadline: ledger.At(legal), SoftDeadline: ledger.At(soft),
	}
	if from.as != ksef.Subject1 {
		n.Context, n.Subject = from.NIP, string(from.as)
	}
	if h.Discouraged != nil {
		n.warning = h.Discouraged
	}
	at := len(*room)
	if *room, err = a.Bodies.AppendSeal(*room, n.ID, d.Data); err != nil {
		return n, err
	}
	sealed := slices.Clip((*room)[at:])
	if len(sealed) > ledger.MaxBodyInRedis {
		if err := mayTake(); err != nil {
			return n, err
		}
		sealed = slices.Clone(sealed) // the store may read it for longer than this call lasts
		*room = (*room)[:at]
		if sealed, err = large.put(ctx, n.ID, d.Data, sealed); err != nil {
			return n, err
		}
		n.BodyArchived, n.BodySeal = true, ledger.SealOf(sealed)
		return n, nil
	}
	n.Body = sealed
	return n, nil
}
