package waiting

import (
	"context"

	"maps"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/tasks"
)

// Ledger is what a [Reader] needs of [ledger.Ledger].
type Ledger interface {
	Clock(ctx context.Context) (time.Time, error)
	Waits(ctx context.Context) ([]ledger.Waiting, error)
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
	Packages(ctx context.Context, ids []string) ([]ledger.Package, error)
	Held(ctx context.Context, pkg string) ([]ledger.Invoice, error)
	PackagesInState(ctx context.Context, s ledger.PackageState, from, to time.Time, limit int) ([]string, error)
	Counts(ctx context.Context) (map[string]int64, error)
	Tenant(ctx context.Context, tenant string) (ledger.Tenant, error)
	Holds(ctx context.Context) (map[string]ledger.Hold, error)
}

// Queue is what it needs of [tasks.Queue].
type Queue interface {
	Stats(limit int) (tasks.QueueStats, error)
	Task(k tasks.Kind, id string, rev int64) (tasks.TaskInfo, bool, error)
}

// Limits tells what holds requests back.
type Limits interface {
	// Usage is that of [ratelimit.Limiter].
	Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error)
	// Refused is how long the tenant rests because its key was refused; 0 when it does not.
	Refused(ctx context.Context, tenant string) (time.Duration, error)
	// Open lists the circuits that are not closed; the gateway's own has no tenant.
	Open(ctx context.Context) ([]ratelimit.OpenCircuit, error)
}

// Reader reads why invoices wait. It only reads. Safe for concurrent use; every field is required.
type Reader struct {
	Ledger   Ledger
	Queue    Queue
	Limits   Limits
	Tenant   func(tenant string) (known, paused bool) // by configuration
	MaxWait  time.Duration                            // packages.max_wait
	Refusals int                                      // packages.refusals
}

const (
	// atOnce is how many tasks of a queue are read when they wait for their time, and how many
	// packages of a state.
	atOnce = 1000
	// singly is how many tasks are looked for by name when a queue holds more than that.
	singly = 200
)

// Explain tells for each invoice why it waits, by id. Those that wait for nothing are left out.
func (r *Reader) Explain(ctx context.Context, invs []ledger.Invoice) (map[string]Wait, error) {
	open := slices.DeleteFunc(slices.Clone(invs), func(inv ledger.Invoice) bool {
		return inv.State.Final() && inv.State != ledger.Accepted
	})
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
	if err := r.more(f, open); err != nil {
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

// more looks for tasks by name where a queue holds more than were read.
func (r *Reader) more(f *Facts, open []ledger.Invoice) error {
	looked := map[string]bool{}
	for i := range open {
		s := f.stageOf(&open[i])
		id := tasks.TaskID(s.kind, s.id, s.rev)
		if _, known := f.Queues.Tasks[id]; known || s.id == "" || looked[id] || !f.short(s.kind) || len(looked) == singly {
			continue
		}
		looked[id] = true
		info, ok, err := r.Queue.Task(s.kind, s.id, s.rev)
		if err != nil {
			return err
		}
		if ok {
			f.Queues.Tasks[id] = info
		}
	}
	return nil
}

// short reports that not every waiting task of the kind was read.
func (f *Facts) short(k tasks.Kind) bool {
	for _, q := range k.Queues() {
		if f.Queues.More[q] > 0 {
			return true
		}
	}
	return false
}

func (r *Reader) facts(ctx context.Context, tenants map[string]bool, packages []string) (*Facts, error) {
	f := &Facts{MaxWait: r.MaxWait, Tenants: map[string]Tenant{}, Sets: map[string]ledger.Waiting{}, Packages: map[string]ledger.Package{},
		singly: map[string]bool{}}
	var err error
	if f.Now, err = r.Ledger.Clock(ctx); err != nil {
		return nil, err
	}
	if f.Queues, err = r.Queue.Stats(atOnce); err != nil {
		return nil, err
	}
	sets, err := r.Ledger.Waits(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		f.Sets[s.Group.Name()] = s
	}
	read, err := r.Ledger.Packages(ctx, packages)
	if _, err = ledger.Skip(err); err != nil { // what cannot be read is told where it is counted
		return nil, err
	}
	for _, p := range read {
		f.Packages[p.ID] = p
	}
	return f, r.tenants(ctx, f, tenants)
}

// tenants reads what holds them back. It costs a few commands for each.
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
	for name := range names {
		t := Tenant{Held: held[name]}
		t.Known, t.Paused = r.Tenant(name)
		known, err := r.Ledger.Tenant(ctx, name) // one that cannot be read spoils no other's reasons
		if ctx.Err() != nil {
			return err
		}
		t.Denied, t.Refused = known.DeniedTill.Time(), tasks.RefusedUntil(known, r.Refusals)
		if known.Denials == 0 {
			t.Denied = time.Time{}
		}
		rests, err := r.Limits.Refused(ctx, name)
		if err != nil {
			return err
		}
		if rests > 0 {
			t.Credentials = f.Now.Add(rests)
		}
		u, err := r.Limits.Usage(ctx, name, string(ksef.GroupBatchSession))
		if err != nil {
			return err
		}
		t.Sessions = windowOf(u, f.Now)
		for _, o := range open {
			if o.Tenant == name || o.Tenant == "" {
				t.Down = append(t.Down, Down{Group: o.Group, Since: o.Since, Next: f.Now.Add(o.Wait)})
			}
		}
		f.Tenants[name] = t
	}
	return nil
}

// windowOf tells when the next request may go.
func windowOf(u ratelimit.Usage, now time.Time) Window {
	if u.Frozen > 0 {
		return Window{Throttled: true, Until: now.Add(u.Frozen)}
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
