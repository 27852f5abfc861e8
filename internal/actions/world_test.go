package actions_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/actions"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
)

const (
	sellerA = "5210000026"
	sellerB = "5265877635"
)

var anna = ledger.Dismissal{By: "anna", Reason: "handed in by mistake"}

// world is a ledger and a queue on a Redis of their own, and an executor of actions on them.
type world struct {
	t      *testing.T
	rdb    *redis.Client
	ledger *ledger.Ledger
	queue  *queue.Queue
	exec   *actions.Executor
}

func newWorld(t *testing.T) *world {
	rdb, _ := redistest.New(t)
	l, q := ledger.New(rdb, ledger.Options{}), queue.New(rdb)
	return &world{t: t, rdb: rdb, ledger: l, queue: q,
		exec: &actions.Executor{Ledger: l, Queue: q, Inquiry: &inquiry.Reader{Ledger: l}}}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// take takes in a document and returns the id of its invoice. The tenant's name is "name of " and
// the seller's NIP.
func (w *world) take(seller, number, content string) string {
	w.t.Helper()
	id := ledger.InvoiceID(ledger.Identity{NIP: seller, Kind: "VAT", Number: number}, sha256.Sum256([]byte(content)))
	taken, err := w.ledger.Take(w.t.Context(), []ledger.NewInvoice{{Body: []byte(content), Invoice: ledger.Invoice{
		Facts:  ledger.Facts{ID: id, Tenant: "name of " + seller, NIP: seller, Kind: "VAT", Form: "v3"},
		Number: number, Size: int64(len(content)),
	}}})
	w.check(err)
	if taken[0].Taken != ledger.Created {
		w.t.Fatalf("the document with the number %s is %s, want created", number, taken[0].Taken)
	}
	return id
}

// taken takes in a document and moves its invoice to a state.
func (w *world) taken(seller, number string, to ledger.State, code int, reason string) string {
	w.t.Helper()
	id := w.take(seller, number, number)
	w.check(w.ledger.Move(w.t.Context(), ledger.Move{ID: id, To: to, Edit: ledger.Because(code, reason)}))
	return id
}

func (w *world) refuse(tenant, file, number string) string {
	w.t.Helper()
	r := ledger.Refusal{
		ID: ledger.RefusalOfFile(file), Tenant: tenant, NIP: tenant, File: file, Number: number,
		Faults: []ledger.RefusalFault{{Rule: "cannot be read"}},
	}
	w.check(w.ledger.Refuse(w.t.Context(), []ledger.Refusal{r}))
	return r.ID
}

func (w *world) invoice(id string) *ledger.Invoice {
	w.t.Helper()
	inv, err := w.ledger.Invoice(w.t.Context(), id)
	w.check(err)
	return &inv
}

// queued returns how many tasks that submit an invoice are in the queue.
func (w *world) queued() int {
	w.t.Helper()
	n, err := w.queue.Depth(queue.KindSubmit)
	w.check(err)
	return n
}

// selects returns the id of each invoice or refusal that a selection finds. When the action cannot
// be done, it returns the name that was asked for and the cause instead.
func (w *world) selects(s actions.Selection, scope actions.Scope) []string {
	w.t.Helper()
	var got []string
	w.check(w.exec.Select(w.t.Context(), s, scope, func(m actions.Match) error {
		switch {
		case m.NotDone != nil:
			got = append(got, m.Name+": "+m.NotDone.Error())
		case m.Invoice != nil:
			got = append(got, m.Invoice.ID)
		case m.Refusal != nil:
			got = append(got, m.Refusal.ID)
		}
		return nil
	}))
	return got
}

// wantCause fails unless err is an [actions.NotDoneError] with this cause.
func wantCause(t *testing.T, err error, cause actions.Cause) *actions.NotDoneError {
	t.Helper()
	e, ok := errors.AsType[*actions.NotDoneError](err)
	if !ok || e.Cause != cause {
		t.Fatalf("the error is %v, want one with the cause %s", err, cause)
	}
	return e
}
