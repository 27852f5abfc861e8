package page

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/waiting"
)

// Pool is the state of the whole pool of workers. It holds every tenant. So code that shows it to a
// visitor must pick the tenants that the visitor may see.
type Pool struct {
	At      time.Time
	Counts  map[string]int64 // invoices by state, of all tenants
	Waits   []waiting.Count
	Workers int
	Holds   map[string]ledger.Hold
	Tenants map[string]*Standing // by name; "" for what belongs to none
	// Sessions are the packages in KSeF or on their way there, the oldest first.
	Sessions []ledger.Package
	AtRisk   int64 // invoices whose deadline is near, of all tenants
	// MoreOpen says that Open in Tenants counts only the newest open invoices, or may lack tenants
	// with refused documents. MoreAtRisk says that AtRisk in Tenants counts only the nearest
	// deadlines.
	MoreOpen, MoreAtRisk bool
}

// Standing is the state of one tenant.
type Standing struct {
	Open    int64 // documents that need a person
	AtRisk  int64
	Nearest time.Time // the nearest deadline that is known here; zero: none
	// OldestOpen is the time since which the oldest of the counted rejected and parked invoices has
	// waited for a person. It is zero if there is no such invoice.
	OldestOpen time.Time
	MoreOpen   bool // Open lacks the refused documents of the tenant, because their list is sick
}

// PoolLedger is the part of [ledger.Ledger] that a [PoolReader] reads.
type PoolLedger interface {
	Clock(ctx context.Context) (time.Time, error)
	Counts(ctx context.Context) (map[string]int64, error)
	WaitsShown(ctx context.Context) ([]ledger.Waiting, error)
	PackagesInState(ctx context.Context, s ledger.PackageState, from, to time.Time, limit int) ([]string, error)
	Packages(ctx context.Context, ids []string) ([]ledger.Package, error)
	Due(ctx context.Context, t time.Time, limit int) ([]string, error)
	AtRisk(ctx context.Context, t time.Time) (int64, time.Time, error)
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
	Holds(ctx context.Context) (map[string]ledger.Hold, error)
	CountRefusals(ctx context.Context) (map[string]int64, error)
}

var _ PoolLedger = (*ledger.Ledger)(nil)

// PoolReader reads the state of the pool. Every field is required.
type PoolReader struct {
	Ledger  PoolLedger
	Inquiry Inquiry
	Waits   func(context.Context) ([]waiting.Count, error) // [waiting.Reader.Overview]
	Workers interface {
		Stats(limit int) (queue.Stats, error)
	}
	Warn time.Duration
}

const (
	maxUnderWay = 500  // packages in one state
	maxNear     = 2000 // invoices near their deadline
	maxOpen     = 3000 // open invoices
)

// underWay are the states of packages that are on their way.
var underWay = []ledger.PackageState{ledger.PackageCut, ledger.PackageOpened, ledger.PackageUploaded,
	ledger.PackageClosing, ledger.PackageProcessing}

// Standings reads the state of each tenant, and the packages that are on their way. It leaves
// Counts, Waits, Workers and Holds empty.
func (r *PoolReader) Standings(ctx context.Context) (*Pool, error) {
	p := &Pool{Tenants: map[string]*Standing{}}
	var err error
	if p.At, err = r.Ledger.Clock(ctx); err != nil {
		return nil, err
	}
	for _, read := range []func(context.Context, *Pool) error{r.sets, r.sessions, r.near, r.open} {
		if err := read(ctx, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Read reads the whole pool. Its cost does not grow with the number of invoices that are done or
// wait.
func (r *PoolReader) Read(ctx context.Context) (*Pool, error) {
	p, err := r.Standings(ctx)
	if err != nil {
		return nil, err
	}
	if p.Counts, err = r.Ledger.Counts(ctx); err != nil {
		return nil, err
	}
	if p.Holds, err = r.Ledger.Holds(ctx); err != nil {
		return nil, err
	}
	if p.Waits, err = r.Waits(ctx); err != nil {
		return nil, err
	}
	stats, err := r.Workers.Stats(1)
	if err != nil {
		return nil, err
	}
	p.Workers = stats.Workers
	return p, nil
}

func (p *Pool) of(tenant string) *Standing {
	s := p.Tenants[tenant]
	if s == nil {
		s = &Standing{}
		p.Tenants[tenant] = s
	}
	return s
}

func (s *Standing) due(t time.Time) {
	if !t.IsZero() && (s.Nearest.IsZero() || t.Before(s.Nearest)) {
		s.Nearest = t
	}
}

// sets notes, for each tenant, the nearest deadline of the invoices that wait for a package.
func (r *PoolReader) sets(ctx context.Context, p *Pool) error {
	sets, err := r.Ledger.WaitsShown(ctx)
	for _, s := range sets {
		p.of(s.Group.Tenant).due(s.Deadline)
	}
	return err
}

func (r *PoolReader) sessions(ctx context.Context, p *Pool) error {
	var ids []string
	for _, s := range underWay {
		some, err := r.Ledger.PackagesInState(ctx, s, time.Time{}, time.Time{}, maxUnderWay)
		if _, err = ledger.Skip(err); err != nil {
			return err
		}
		ids = append(ids, some...)
	}
	read, err := r.Ledger.Packages(ctx, ids)
	if _, err = ledger.Skip(err); err != nil {
		return err
	}
	for i := range read {
		p.of(read[i].Tenant).due(read[i].Deadline.Time())
	}
	slices.SortFunc(read, func(a, b ledger.Package) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	p.Sessions = read
	return nil
}

// near counts the invoices that are at risk, and notes the nearest deadline of each tenant.
func (r *PoolReader) near(ctx context.Context, p *Pool) (err error) {
	until := p.At.Add(r.Warn)
	if p.AtRisk, _, err = r.Ledger.AtRisk(ctx, until); err != nil {
		return err
	}
	ids, err := r.Ledger.Due(ctx, until, maxNear)
	if err != nil {
		return err
	}
	p.MoreAtRisk = len(ids) == maxNear
	invs, err := r.Ledger.Invoices(ctx, ids)
	if _, err = ledger.Skip(err); err != nil {
		return err
	}
	for i := range invs {
		if !invs[i].State.Final() {
			s := p.of(invs[i].Tenant)
			s.AtRisk++
			s.due(invs[i].Deadline.Time())
		}
	}
	return nil
}

func (r *PoolReader) open(ctx context.Context, p *Pool) error {
	found, err := r.Inquiry.Latest(ctx, inquiry.Window{States: openStates(), Limit: maxOpen, Scan: maxOpen})
	if err != nil {
		return err
	}
	p.MoreOpen = found.Next != ledger.Place{} || len(found.Sick) > 0
	for i := range found.Invoices {
		inv := &found.Invoices[i]
		s := p.of(inv.Tenant)
		s.Open++
		if since := inv.UpdatedAt.Time(); s.OldestOpen.IsZero() || since.Before(s.OldestOpen) {
			s.OldestOpen = since
		}
	}
	refused, err := r.Ledger.CountRefusals(ctx)
	unread, err := ledger.Skip(err)
	for i := range unread {
		if tenant, ok := unread[i].RefusalsOf(); ok {
			p.of(tenant).MoreOpen = true
		} else {
			p.MoreOpen = true
		}
	}
	for tenant, n := range refused {
		p.of(tenant).Open += n
	}
	return err
}

func openStates() []ledger.State {
	return slices.DeleteFunc(ledger.States(), func(s ledger.State) bool { return !s.Open() })
}
