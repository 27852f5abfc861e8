package inquiry_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
)

const (
	sellerA = "5210000026"
	sellerB = "5265877635"
)

// world is a ledger on a Redis of its own, and a reader of it.
type world struct {
	t      *testing.T
	rdb    *redis.Client
	ledger *ledger.Ledger
	reader *inquiry.Reader
	unread []string // ids that the reader reported as unreadable
}

func newWorld(t *testing.T) *world {
	rdb, _ := redistest.New(t)
	w := &world{t: t, rdb: rdb, ledger: ledger.New(rdb, ledger.Options{})}
	w.reader = &inquiry.Reader{
		Ledger: w.ledger, Environment: "test",
		Unread: func(u ledger.Unreadable) { w.unread = append(w.unread, u.ID) },
	}
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// take takes in a document and returns the id of its invoice.
func (w *world) take(seller, number, content string) string {
	w.t.Helper()
	id := ledger.InvoiceID(ledger.Identity{NIP: seller, Kind: "VAT", Number: number}, sha256.Sum256([]byte(content)))
	taken, err := w.ledger.Take(w.t.Context(), []ledger.NewInvoice{{Body: []byte(content), Invoice: ledger.Invoice{
		Facts: ledger.Facts{ID: id, Tenant: seller, NIP: seller, Kind: "VAT", Form: "v3"}, Number: number, Size: int64(len(content)),
	}}})
	w.check(err)
	if taken[0].Taken != ledger.Created {
		w.t.Fatalf("%s was taken in as %s, want it created", number, taken[0].Taken)
	}
	w.tick()
	return id
}

// move moves invoices to a state, in a millisecond of its own.
func (w *world) move(to ledger.State, ids ...string) {
	w.t.Helper()
	moves := make([]ledger.Move, len(ids))
	for i, id := range ids {
		moves[i] = ledger.Move{ID: id, To: to}
	}
	errs, err := w.ledger.Apply(w.t.Context(), moves)
	w.check(errors.Join(append(errs, err)...))
	w.tick()
}

func (w *world) accept(id string) {
	w.t.Helper()
	w.move(ledger.Packed, id)
	w.move(ledger.Accepted, id)
}

func (w *world) refuse(tenant, file, number string) string {
	w.t.Helper()
	r := ledger.Refusal{
		ID: ledger.RefusalOfFile(file), Tenant: tenant, File: file, Number: number,
		Faults: []ledger.RefusalFault{{Rule: "cannot be read"}},
	}
	w.check(w.ledger.Refuse(w.t.Context(), []ledger.Refusal{r}))
	w.tick()
	return r.ID
}

// damage makes the entry of an invoice unreadable.
func (w *world) damage(id string) {
	w.t.Helper()
	w.check(w.rdb.Del(w.t.Context(), "ksef:inv:"+id).Err())
	w.check(w.rdb.Set(w.t.Context(), "ksef:inv:"+id, "x", 0).Err())
}

// tick waits until Redis's clock shows another millisecond, because two changes in the same
// millisecond have no order.
func (w *world) tick() {
	w.t.Helper()
	before := w.now()
	for w.now().UnixMilli() == before.UnixMilli() {
		w.check(w.t.Context().Err())
	}
}

func (w *world) now() time.Time {
	w.t.Helper()
	now, err := w.ledger.Clock(w.t.Context())
	w.check(err)
	return now
}

// after calls its function do once, after the first command to Redis with the text in its
// arguments. The function stands for what another process does between two reads.
type after struct {
	text string
	do   func()
}

func (a *after) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a *after) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (a *after) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if do := a.do; do != nil && strings.Contains(fmt.Sprint(cmd.Args()...), a.text) {
			a.do = nil
			do()
		}
		return err
	}
}
