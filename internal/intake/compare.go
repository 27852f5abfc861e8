package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

const (
	// compareTimeout bounds how long one step of Admit waits for stored documents and results. A
	// step is the look-up of old documents, or a round of comparisons. A document that needs more
	// time is answered with an UnsureError. The bound is longer than a call to the archive may take
	// (archive.timeout, 30s by default). So a call that hangs ends by its own timeout first, and
	// the process learns that the archive hangs. Later steps and calls of Admit then get their
	// answer at once instead of waiting as long again.
	compareTimeout = 40 * time.Second
	// compareParallel is how many documents one call of Admit reads at a time.
	compareParallel = 8
)

// UnsureError says that a document was not taken, although no fault of it is known. A call that was
// needed failed, for example one to the archive or to the gateway. Or a person has stopped the
// intake for its tenant, or the tenant's name means another taxpayer. The document should be handed
// in again.
type UnsureError struct {
	What string // what could not be done
	Err  error  // nil when nothing failed
	// After is the least time to wait before the document is handed in again. 0 means that this is
	// not known.
	After time.Duration
	// Unread is as in [RefusedError].
	Unread bool
}

func (e *UnsureError) Error() string {
	if e.Err == nil {
		return e.What + "; nothing was taken, hand it in again"
	}
	return fmt.Sprintf("%s: %v; nothing was taken, hand it in again", e.What, e.Err)
}

// Unwrap returns the cause.
func (e *UnsureError) Unwrap() error { return e.Err }

// bounded returns the context for reading stored documents and results.
func (a *Admitter) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, cmp.Or(a.timeout, compareTimeout), errNoAnswer)
}

var errNoAnswer = errors.New("the archive does not answer")

// compareAll compares each refused document with the document that has its number already. It
// returns the indexes of the refused documents that may take the place of a document that has
// ended.
func (a *Admitter) compareAll(ctx context.Context, refused []int, sound []ledger.NewInvoice, out []answer,
	document func(i int) []byte,
) []int {
	if len(refused) == 0 {
		return nil
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	succeeds := make([]bool, len(refused))
	var g errgroup.Group
	g.SetLimit(compareParallel)
	for k, i := range refused {
		g.Go(func() error {
			succeeds[k] = a.compare(ctx, &sound[i].Invoice, document(i), &out[i])
			return nil
		})
	}
	_ = g.Wait() // errors are in the answers
	var todo []int
	for k, i := range refused {
		if succeeds[k] {
			todo = append(todo, i)
		}
	}
	return todo
}

// compare completes the answer about a document that was refused because of another document. The
// two may turn out to be the same invoice. It reports whether the new document may take the number
// in place of the other document.
//
// The new document may take the number when the other document has ended. An invoice that was
// rejected or dismissed is not in KSeF. An invoice that was parked may be in KSeF, but nothing is
// risked. The new document has the same seller, kind and number, so KSeF takes at most one of the
// two. If KSeF took the parked invoice, it answers 440 to the new document. Then the content
// decides, even when the document of the parked invoice is lost. The same content is recovered, and
// other content is a conflict.
func (a *Admitter) compare(ctx context.Context, inv *ledger.Invoice, document []byte, o *answer) (succeeds bool) {
	there, err := a.stored(ctx, o.ID)
	if errors.Is(err, errNoDocument) {
		if o.State.Ended() {
			return true
		}
		o.err = inTheWay(inv, o, "as "+o.ID+", whose document is not here any more, so the two cannot be compared")
		return false
	}
	var mine, theirs invoice.Content
	if err == nil {
		theirs, err = invoice.ContentOf(there)
	}
	if err == nil {
		mine, err = invoice.ContentOf(document)
	}
	if err != nil {
		what := fmt.Sprintf("number %s is here already as %s, and the two could not be compared", inv.Number, o.ID)
		o.err = &UnsureError{What: what, Err: err}
		return false
	}
	switch {
	// A technical correction says the same in better XML. It names the rejected document, so it is
	// not a repeated export of that document.
	case inv.Corrects != "" && o.State == ledger.Rejected:
		return true
	// Two documents with the same content are one invoice, exported twice. The exception is an
	// invoice that is rejected or parked, and that KSeF may have refused because of its time of
	// creation or its SystemInfo. Then the new document corrects it.
	case mine.Digest == theirs.Digest && (!o.State.Open() || !theirs.HeaderAtFault()):
		o.Taken, o.differs = ledger.Present, whatDiffers(mine, theirs)
		return false
	case o.State.Ended():
		return true
	}
	where, err := invoice.FirstDifference(document, there)
	if err != nil {
		where = invoice.DocumentField // cannot happen: both were read just now
	}
	o.err = inTheWay(inv, o, fmt.Sprintf("with other content as %s (first difference: %s)", o.ID, where))
	return false
}

func inTheWay(inv *ledger.Invoice, o *answer, how string) error {
	return &RefusedError{
		Rule: fmt.Sprintf("number %s (%s of seller %s) is already %s %s", inv.Number, inv.Kind, inv.NIP, o.State, how),
		Hint: "an invoice is changed by a correction invoice; " +
			"a new document takes this number only after the first was rejected, parked or dismissed",
		Remedy: ledger.RemedyNumber,
	}
}

// whatDiffers returns why the bytes of two documents with the same content differ.
func whatDiffers(a, b invoice.Content) string {
	switch created, system := a.Created != b.Created, a.System != b.System; {
	case created && system:
		return "only the time of creation and SystemInfo differ"
	case created:
		return "only the time of creation differs"
	case system:
		return "only SystemInfo differs"
	}
	return "only its layout differs"
}

// errNoDocument says that the document of an entry is not stored anywhere, or only in damaged form.
var errNoDocument = errors.New("its document is not stored any more")

// stored reads the document of an entry. The document lies in Redis or in the store as long as it
// is kept for sending, and may be under its archived name afterwards.
func (a *Admitter) stored(ctx context.Context, id string) ([]byte, error) {
	inv, err := a.Ledger.Invoice(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, from := range []func() ([]byte, error){
		func() ([]byte, error) { return a.body(ctx, &inv) },
		func() ([]byte, error) { return a.Store.Get(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, id)) },
		func() ([]byte, error) {
			return a.Store.Get(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, inv.IDWith(inv.Hash)))
		},
	} {
		doc, err := from()
		switch {
		case err == nil && isDocumentOf(&inv, doc):
			return doc, nil
		case err == nil, errors.Is(err, errNoDocument), errors.Is(err, ledger.ErrNotFound),
			errors.Is(err, archive.ErrNotFound), errors.Is(err, archive.ErrCorrupt):
		default:
			return nil, err
		}
	}
	return nil, errNoDocument
}

func (a *Admitter) body(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	var sealed []byte
	var err error
	if inv.BodyArchived {
		sealed, err = a.Store.Get(ctx, archive.BodyName(inv.ID))
	} else {
		sealed, err = a.Ledger.Body(ctx, inv.ID)
	}
	if err != nil {
		return nil, err
	}
	doc, err := a.Bodies.Open(inv.ID, sealed)
	if _, key := errors.AsType[*ledger.KeyError](err); err != nil && !key && !errors.Is(err, ledger.ErrNewer) {
		return nil, errNoDocument // the document is damaged: no process can open it
	}
	return doc, err
}

// isDocumentOf reports whether document has the bytes that were handed in, or the bytes that KSeF
// has of the same invoice.
func isDocumentOf(inv *ledger.Invoice, document []byte) bool {
	hash := ledger.HashText(sha256.Sum256(document))
	return hash == inv.Hash || inv.IDWith(hash) == inv.ID
}
