package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/together"
)

// Options configures a ledger. The zero value is ready for use.
type Options struct {
	Prefix string           // begins the name of every key; "" means "ksef:"
	Now    func() time.Time // for tests; nil means Redis's clock, the only one that all workers share

	// Replicas is how many replicas must have received a write that must not be lost in a failover.
	// With 0 the ledger waits for none.
	Replicas int
	// ReplicaTimeout is how long the ledger waits for the replicas. 0 means a second.
	ReplicaTimeout time.Duration

	// Texts seals reasons, KSeF's words, file names, refs, refusals and holds when it has a key.
	// nil stores them as plain text.
	Texts *Bodies

	// Outbox is roughly how many outcomes are kept for the sinks (outbox.go). 0 keeps none. Every
	// process of a pool must have the same number.
	Outbox int
}

// Ledger reads and writes the record of one pool. Each store that it embeds has the methods of one
// subject. A Ledger is safe for concurrent use by any number of goroutines and processes.
type Ledger struct {
	*store
	*HomeStore
	*FormatStore
	*Replication
	*EntryReader
	*InvoiceStore
	*TakeStore
	*DecisionStore
	*PackageStore
	*WaitingStore
	*TenantStore
	*SaidStore
	*RefusalStore
	*TakenStore
	*BodyStore
	*SealStore
	*UnreadableStore
	*WorkerStore
	*OutboxStore
	*SinkStore
	*SeenStore
	*TaxpayerStore
}

// New returns a ledger on rdb. The ledger does not close rdb.
func New(rdb redis.UniversalClient, o Options) *Ledger {
	if o.Prefix == "" {
		o.Prefix = "ksef:"
	}
	if o.ReplicaTimeout == 0 {
		o.ReplicaTimeout = time.Second
	}
	var (
		st = &store{rdb: rdb, prefix: o.Prefix, now: o.Now, texts: o.Texts, shapes: &shapeCache{}, gate: &formatGate{},
			outbox: max(o.Outbox, 0)}
		home        = &HomeStore{store: st}
		replication = &Replication{store: st, replicas: o.Replicas, replicaTimeout: o.ReplicaTimeout}
		entries     = &EntryReader{st}
		invoices    = &InvoiceStore{st}
		refusals    = &RefusalStore{store: st, lists: together.Calls[struct{}, refusers]{Most: takeBatch}}
		bodies      = &BodyStore{st}
		seals       = &SealStore{store: st, refusals: refusals, bodies: bodies}
	)
	return &Ledger{
		store: st, HomeStore: home, FormatStore: &FormatStore{store: st, home: home},
		Replication: replication, EntryReader: entries, InvoiceStore: invoices,
		TakeStore: &TakeStore{store: st, replication: replication, invoices: invoices, seals: seals, home: home,
			joined: together.Calls[NewInvoice, TakeResult]{Most: takeBatch},
			reads:  together.Calls[struct{}, Intake]{Most: takeBatch}},
		DecisionStore: &DecisionStore{store: st, entries: entries, invoices: invoices, refusals: refusals},
		PackageStore:  &PackageStore{store: st, home: home, replication: replication},
		WaitingStore: &WaitingStore{store: st, invoices: invoices,
			inflow: together.Calls[tenantCount, int64]{Most: takeBatch}},
		TenantStore:  &TenantStore{st},
		SaidStore:    &SaidStore{st},
		RefusalStore: refusals, TakenStore: &TakenStore{store: st, refusals: refusals}, BodyStore: bodies, SealStore: seals,
		UnreadableStore: &UnreadableStore{store: st, entries: entries},
		WorkerStore:     &WorkerStore{st},
		OutboxStore:     &OutboxStore{store: st, entries: entries, refusals: refusals},
		SinkStore:       &SinkStore{st},
		SeenStore:       &SeenStore{st},
		TaxpayerStore:   &TaxpayerStore{store: st, home: home},
	}
}

// store is what every part of a ledger uses.
type store struct {
	rdb    redis.UniversalClient
	prefix string
	now    func() time.Time // nil: Redis's clock
	texts  *Bodies
	shapes *shapeCache
	gate   *formatGate
	outbox int // how many outcomes the outbox keeps; 0: there is none
}

// args returns the arguments of a script: the prefix, the text "now,outbox", and then more. now is
// the time of a test's clock. It is empty when there is no such clock, and the script then asks
// Redis. outbox is how many outcomes the outbox keeps. It is empty when no outbox is kept.
func (st *store) args(more ...any) []any {
	now, outcomes := "", ""
	if st.now != nil {
		now = strconv.FormatInt(int64(At(st.now())), 10)
	}
	if st.outbox > 0 {
		outcomes = strconv.Itoa(st.outbox)
	}
	return append([]any{st.prefix, now + "," + outcomes}, more...)
}

// run runs a script by EVALSHA and falls back to EVAL. So nobody has to load the scripts again
// after a restart or a failover of Redis.
func (st *store) run(ctx context.Context, s *redis.Script, args []any) ([]any, error) {
	v, err := s.Run(ctx, st.rdb, nil, args...).Slice()
	if err != nil {
		return nil, err
	}
	return v, nil
}

// ConflictError says that an entry was not in the state or revision that the caller had read.
// Nothing was written. The caller has lost the right to act and MUST read the entry again or stop.
type ConflictError struct {
	ID       string
	To       string // the state that was asked for
	State    string // the actual state, "" when there is no such entry
	Rev      int64  // the actual revision
	Package  string // the package that holds it now, for an invoice
	Expected string // what would have been legal
}

func (e *ConflictError) Error() string {
	if e.State == "" {
		return fmt.Sprintf("%s is not in the ledger", e.ID)
	}
	return fmt.Sprintf("move %s to %s: it is %s at revision %d, not %s", e.ID, e.To, e.State, e.Rev, e.Expected)
}

// text returns a string or a number in an answer of a script as text, "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return fmt.Sprint(v)
	}
	return ""
}

// textsOf returns a list of texts; nil for an empty one.
func textsOf(list []any) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return out
}

// number returns a count or a time, and 0 for anything else. Where 0 could be a real value, the
// caller has to check more (see [sound]).
func number(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// row returns a list in an answer of a script, nil for anything else.
func row(v any) []any {
	r, _ := v.([]any)
	return r
}

// cell returns an element of a row, nil when the row is too short.
func cell(r []any, i int) any {
	if i < len(r) {
		return r[i]
	}
	return nil
}
