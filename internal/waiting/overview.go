package waiting

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// Count is how many invoices of a tenant wait for the same.
type Count struct {
	Tenant   string // "" for tasks at the far end of a long queue, which were not looked at
	For      Reason
	What     string // of one of them
	Invoices int
	Until    time.Time // the next of them is tried then; zero when nobody can know
	Since    time.Time // since when the first of them waits, where that is known
}

// underWay are the states of packages whose invoices wait for something, in the order of their way.
var underWay = []ledger.PackageState{ledger.PackageCut, ledger.PackageOpened, ledger.PackageUploaded,
	ledger.PackageClosing, ledger.PackageProcessing, ledger.PackageSettled}

// Overview counts what waits, by tenant and reason, the largest first. Its cost does not grow with
// the invoices that are done; of very long queues it reads the beginning.
func (r *Reader) Overview(ctx context.Context) ([]Count, error) {
	var ids []string
	for _, s := range underWay {
		some, err := r.Ledger.PackagesInState(ctx, s, time.Time{}, time.Time{}, atOnce)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	f, err := r.facts(ctx, nil, ids)
	if err != nil {
		return nil, err
	}
	loose, err := r.loose(ctx, f)
	if err != nil {
		return nil, err
	}
	opened, err := r.opened(ctx, f)
	if err != nil {
		return nil, err
	}
	loose = append(loose, opened...)
	tenants := map[string]bool{}
	for _, p := range f.Packages {
		tenants[p.Tenant] = true
	}
	for _, s := range f.Sets {
		tenants[s.Group.Tenant] = true
	}
	for i := range loose {
		tenants[loose[i].Tenant] = true
	}
	if err := r.tenants(ctx, f, tenants); err != nil {
		return nil, err
	}
	return f.count(loose), nil
}

// loose reads the invoices that are in no set and no package, as far as the queues name them.
func (r *Reader) loose(ctx context.Context, f *Facts) ([]ledger.Invoice, error) {
	var ids []string
	for _, t := range f.Queues.Tasks {
		if t.Kind == tasks.KindSubmit || t.Kind == tasks.KindSend {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	invs, err := r.Ledger.Invoices(ctx, slices.Compact(ids))
	if _, err = ledger.Skip(err); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return inv.State != ledger.Queued || inv.Group != "" }), nil
}

// openedAtOnce is how many online sessions are looked into.
const openedAtOnce = 50

// opened reads the invoices of online sessions one by one, because each is decided by itself: the
// package does not tell how many are left. Their packages are left out of the count.
func (r *Reader) opened(ctx context.Context, f *Facts) ([]ledger.Invoice, error) {
	var out []ledger.Invoice
	looked := 0
	for id, p := range f.Packages {
		if p.Lane != ledger.Express || looked == openedAtOnce {
			continue
		}
		looked++
		held, err := r.Ledger.Held(ctx, id)
		if _, err = ledger.Skip(err); err != nil {
			return nil, err
		}
		out = append(out, held...)
		f.singly[id] = true
	}
	return out, nil
}

// count is pure.
func (f *Facts) count(loose []ledger.Invoice) []Count {
	sums := map[[2]string]*Count{}
	add := func(tenant string, w Wait, n int) {
		if w.For == "" || n <= 0 {
			return
		}
		key := [2]string{tenant, string(w.For)}
		c := sums[key]
		if c == nil {
			c = &Count{Tenant: tenant, For: w.For, What: w.What}
			sums[key] = c
		}
		c.Invoices += n
		c.Until, c.Since = earliest(c.Until, w.Until), earliest(c.Since, w.Since)
	}
	for name, set := range f.Sets {
		add(set.Group.Tenant, f.why(stage{kind: tasks.KindCut, set: name}, set.Group.Tenant), set.Count)
	}
	for id, p := range f.Packages {
		if f.singly[id] {
			continue
		}
		s := stage{kind: kindOf(p), id: id, pkg: id, end: p.State == ledger.PackageSettled}
		add(p.Tenant, f.why(s, p.Tenant), p.Count)
	}
	for i := range loose {
		add(loose[i].Tenant, f.Of(&loose[i]), 1)
	}
	for _, kind := range []tasks.Kind{tasks.KindSubmit, tasks.KindSend} {
		for _, q := range kind.Queues() {
			add("", f.unread(q), f.Queues.More[q])
		}
	}
	out := make([]Count, 0, len(sums))
	for _, c := range sums {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(b.Invoices-a.Invoices, strings.Compare(a.Tenant, b.Tenant), strings.Compare(string(a.For), string(b.For)))
	})
	return out
}

// unread tells of the tasks at the far end of a queue.
func (f *Facts) unread(queue string) Wait {
	switch {
	case f.Queues.Workers == 0:
		return noWorker()
	case f.Queues.Paused[queue]:
		return paused(queue)
	}
	return Wait{For: Turn, What: "waits behind others in queue " + queue}
}

// earliest ignores zero times.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
