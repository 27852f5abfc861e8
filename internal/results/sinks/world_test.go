package sinks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a ledger with an outbox in a real Redis. Its clock stands still until a test moves it.
type world struct {
	*ledger.Ledger
	t   *testing.T
	rdb redis.UniversalClient
	mu  sync.Mutex
	at  time.Time
	n   int
}

func newWorld(t *testing.T, keep int) *world {
	rdb, _ := redistest.New(t)
	w := &world{t: t, rdb: rdb, at: time.Now()}
	w.Ledger = ledger.New(rdb, ledger.Options{Prefix: "ksef:", Outbox: keep, Now: w.now})
	return w
}

func (w *world) now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.at }

func (w *world) pass(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.at = w.at.Add(d) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// invoice takes in a new invoice of a tenant, and returns its id.
func (w *world) invoice(tenant string) string {
	w.t.Helper()
	w.n++
	number := fmt.Sprintf("FV/%d", w.n)
	sum := sha256.Sum256([]byte(number))
	id := ledger.InvoiceID(ledger.Identity{NIP: "5265877635", Kind: "VAT", Number: number}, sum)
	_, err := w.Take(w.t.Context(), []ledger.NewInvoice{{Body: []byte("x"), Invoice: ledger.Invoice{
		Facts: ledger.Facts{
			ID: id, Tenant: tenant, NIP: "5265877635", Kind: "VAT", IssueDate: "2026-11-23", Form: "v3",
			File: number + ".xml",
		},
		Number: number, Hash: ledger.HashText(sum), Size: 1,
	}}})
	w.must(err)
	return id
}

// move moves an invoice through these states.
func (w *world) move(id string, states ...ledger.State) {
	w.t.Helper()
	for _, to := range states {
		w.must(w.Move(w.t.Context(), ledger.Move{ID: id, To: to, Edit: ledger.Because(1, "because of "+string(to))}))
	}
}

// revision reads the present revision of an invoice.
func (w *world) revision(id string) int64 {
	w.t.Helper()
	inv, err := w.Invoice(w.t.Context(), id)
	w.must(err)
	return inv.Rev
}

// rejected makes n invoices of tenant "one" that were rejected.
func (w *world) rejected(n int) (ids []string) { w.t.Helper(); return w.rejectedOf("one", n) }

func (w *world) rejectedOf(tenant string, n int) (ids []string) {
	w.t.Helper()
	for range n {
		id := w.invoice(tenant)
		w.move(id, ledger.Rejected)
		ids = append(ids, id)
	}
	return ids
}

// runner returns a runner that pauses n minutes after the n-th failure.
func (w *world) runner(sink Sink) *Runner {
	return &Runner{Name: "erp", Sink: sink, Editor: &Editor{Ledger: w.Ledger, Environment: "test"}, Now: w.now, Log: zerolog.Nop(),
		Pause: func(n int) time.Duration { return time.Duration(n) * time.Minute }}
}

func (w *world) run(r *Runner) {
	w.t.Helper()
	w.must(r.Run(w.t.Context(), nil))
}

func (w *world) state() ledger.SinkState {
	w.t.Helper()
	s, err := w.Sink(w.t.Context(), "erp")
	w.must(err)
	return s
}

func (w *world) counts() (held, failed int64) {
	w.t.Helper()
	held, failed, err := w.SinkCounts(w.t.Context(), "erp")
	w.must(err)
	return held, failed
}

// stub is a receiver that keeps what it took.
type stub struct {
	mu    sync.Mutex
	took  []Message
	calls int
	// answer returns the error with which a result is not taken; a nil answer takes all results.
	answer func(*Message) error
}

func (s *stub) Deliver(_ context.Context, messages []Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	errs := make([]error, len(messages))
	ids := map[string]bool{}
	for i := range messages {
		if ids[messages[i].ID] {
			errs[i] = errors.New("the batch has two results of this invoice")
			continue
		}
		ids[messages[i].ID] = true
		if s.answer != nil {
			errs[i] = s.answer(&messages[i])
		}
		if errs[i] == nil {
			s.took = append(s.took, messages[i])
		}
	}
	return errs
}

// states returns the states of an invoice in the results that the stub took, in order.
func (s *stub) states(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var states []string
	for i := range s.took {
		if s.took[i].ID == id {
			states = append(states, s.took[i].State)
		}
	}
	return strings.Join(states, " ")
}

func out(after time.Duration) error {
	return &OutageError{After: after, Err: errors.New("it is closed")}
}
