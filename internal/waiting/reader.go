package waiting

import (
	"context"
	"maps"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/settlement"
	"ksefworker/internal/shell"
)

// Ledger is the part of [ledger.Ledger] that a [Reader] needs.
type Ledger interface {
	Clock(ctx context.Context) (time.Time, error)
	WaitsShown(ctx context.Context) ([]ledger.Waiting, error)
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
	Packages(ctx context.Context, ids []string) ([]ledger.Package, error)
	Held(ctx context.Context, pkg string) ([]ledger.Invoice, error)
	PackagesInState(ctx context.Context, s ledger.PackageState, from, to time.Time, limit int) ([]string, error)
	Counts(ctx context.Context) (map[string]int64, error)
	Tenants(ctx context.Context, names []string) (map[string]ledger.Tenant, error)
	Holds(ctx context.Context) (map[string]ledger.Hold, error)
}

// Queue is the part of [queue.Queue] that a [Reader] needs.
type Queue interface {
	Stats(limit int) (queue.Stats, error)
	Task(k queue.Kind, id string, rev int64) (queue.TaskInfo, bool, error)
}

// Limits reads what holds requests back.
type Limits interface {
	// Held returns what holds back each of some tenants.
	Held(ctx context.Context, tenants []string) (map[string]TenantLimits, error)
	// Open lists the circuits that are not closed. A circuit without a tenant holds back all
	// tenants. The circuit of a host that serves only some tenants is listed once for each of them.
	Open(ctx context.Context) ([]ratelimit.OpenCircuit, error)
}

// TenantLimits say how the limits hold a tenant back.
type TenantLimits struct {
	Refused  time.Duration   // how long it still pauses because its key was refused; 0 when it does not
	Sessions ratelimit.Usage // the usage of the group that opens batch sessions
}

// Reader finds out why invoices wait. It writes nothing. It is safe for concurrent use. Every field
// but Enqueue is required.
type Reader struct {
	Ledger   Ledger
	Queue    Queue
	Limits   Limits
	Tenant   func(tenant string) (known, paused bool) // by configuration
	MaxWait  time.Duration                            // packages.max_wait
	Refusals int                                      // packages.refusals
	// Enqueue is how a person calls enqueue here. Some reasons name the command that ends the wait.
	Enqueue shell.Enqueue
}

const (
	// maxRead is how many tasks of a queue in one phase are read, and how many packages in one
	// state.
	maxRead = 1000
	// maxLookups is how many tasks are looked up by id when a queue holds more than were read.
	maxLookups = 200
)

// Explain returns why each invoice waits, by id. Invoices that wait for nothing are left out.
func (r *Reader) Explain(ctx context.Context, invs []ledger.Invoice) (map[string]Wait, error) {
	var open []ledger.Invoice // usually a few of many
	for i := range invs {
		if s := invs[i].State; !s.Final() || s == ledger.Accepted {
			open = append(open, invs[i])
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	tenants, packages := map[string]bool{}, map[string]bool{}
	for i := range open {
		tenants[open[i].Tenant] = true
		if open[i].Package != "" {
			packages[open[i].Package] = true
		}
	}
	f, err := r.facts(ctx, tenants, slices.Sorted(maps.Keys(packages)))
	if err != nil {
		return nil, err
	}
	if err := r.lookUpTasks(f, open); err != nil {
		return nil, err
	}
	out := make(map[string]Wait, len(open))
	for i := range open {
		if w := f.Of(&open[i]); w.For != "" {
			out[open[i].ID] = w
		}
	}
	return out, nil
}

// lookUpTasks reads tasks by id where a queue holds more than were read.
func (r *Reader) lookUpTasks(f *Facts, open []ledger.Invoice) error {
	asked := map[string]bool{}
	for i := range open {
		for _, s := range f.tasksOf(&open[i]) {
			id := queue.TaskID(s.kind, s.id, s.rev)
			_, known := f.Queues.Of(s.kind, s.id, s.rev)
			if known || len(asked) == maxLookups {
				break
			}
			if asked[id] || !f.incomplete(s.kind) {
				continue
			}
			asked[id] = true
			info, ok, err := r.Queue.Task(s.kind, s.id, s.rev)
			if err != nil {
				return err
			}
			if ok {
				f.Queues.Tasks[id] = info
				break
			}
		}
	}
	return nil
}

// incomplete reports whether tasks were left unread in a queue that the kind uses. They may be of
// another kind.
func (f *Facts) incomplete(k queue.Kind) bool {
	for _, q := range k.Queues() {
		if f.Queues.More[q] > 0 {
			return true
		}
	}
	return false
}

func (r *Reader) facts(ctx context.Context, tenants map[string]bool, packages []string) (*Facts, error) {
	f := &Facts{
		Enqueue: r.Enqueue, MaxWait: r.MaxWait, Tenants: map[string]Tenant{}, Sets: map[string]ledger.Waiting{},
		Packages: map[string]ledger.Package{}, perInvoice: map[string]bool{}, refusedWith: map[string]string{},
	}
	var err error
	if f.Now, err = r.Ledger.Clock(ctx); err != nil {
		return nil, err
	}
	if f.Queues, err = r.Queue.Stats(maxRead); err != nil {
		return nil, err
	}
	sets, err := r.Ledger.WaitsShown(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		f.Sets[s.Group.Name()] = s
	}
	read, err := r.Ledger.Packages(ctx, packages)
	if _, err = ledger.Skip(err); err != nil { // entries that cannot be read are reported elsewhere
		return nil, err
	}
	var parents []string // refused packages whose invoices went into the packages that were read; their entries have KSeF's words
	for _, p := range read {
		f.Packages[p.ID] = p
		if p.Refusals > 0 && p.Parent != "" {
			parents = append(parents, p.Parent)
		}
	}
	if err := r.reasons(ctx, f, parents); err != nil {
		return nil, err
	}
	return f, r.tenants(ctx, f, tenants)
}

// reasons reads packages that KSeF refused and whose invoices went into other packages. Their
// entries have KSeF's words.
func (r *Reader) reasons(ctx context.Context, f *Facts, parents []string) error {
	if len(parents) == 0 {
		return nil
	}
	read, err := r.Ledger.Packages(ctx, parents)
	if _, err = ledger.Skip(err); err != nil {
		return err
	}
	for _, p := range read {
		f.refusedWith[p.ID] = p.Reason
	}
	return nil
}

// tenants reads what holds each tenant back, with a few commands for all.
func (r *Reader) tenants(ctx context.Context, f *Facts, names map[string]bool) error {
	if len(names) == 0 {
		return nil
	}
	open, err := r.Limits.Open(ctx)
	if err != nil {
		return err
	}
	held, err := r.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	sorted := slices.Sorted(maps.Keys(names))
	limits, err := r.Limits.Held(ctx, sorted)
	if err != nil {
		return err
	}
	all, err := r.Ledger.Tenants(ctx, sorted) // an unreadable entry does not hide the other reasons
	if err != nil {
		return err
	}
	for name := range names {
		t := Tenant{Held: held[name]}
		t.Known, t.Paused = r.Tenant(name)
		known := all[name]
		t.Denied, t.Refused = known.DeniedTill.Time(), settlement.Rules{Refusals: r.Refusals}.TenantRestsUntil(known)
		t.KeyRefused, t.RefusedWhy, t.Said = known.KeyRefused, known.RefusedWhy, known.Said
		if known.Denials == 0 {
			t.Denied = time.Time{}
		}
		if pause := limits[name].Refused; pause > 0 {
			t.Credentials = f.Now.Add(pause)
		}
		t.Sessions = windowOf(limits[name].Sessions, f.Now)
		for _, o := range open {
			if o.Tenant == name || o.Tenant == "" {
				t.Down = append(t.Down, Down{Group: o.Group, Since: o.Since, Next: f.Now.Add(o.Wait)})
			}
		}
		f.Tenants[name] = t
	}
	return nil
}

// windowOf returns when the next request may go.
func windowOf(u ratelimit.Usage, now time.Time) Window {
	if u.Frozen > 0 {
		return Window{Frozen: true, Cause: u.Cause, Until: now.Add(u.Frozen)}
	}
	wait := time.Duration(0)
	for _, w := range u.Windows {
		if w.Left == 0 {
			wait = max(wait, w.Free)
		}
	}
	if wait == 0 {
		return Window{}
	}
	return Window{Until: now.Add(wait)}
}
