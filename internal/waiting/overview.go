package waiting

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// Count is the number of invoices of one tenant that wait for the same reason.
type Count struct {
	Tenant   string // "" for the tasks at the far end of a long queue, which are not read; their invoices are estimated
	For      Reason
	What     string // Wait.What of one of them
	Invoices int
	Until    time.Time // when the next of them is tried; zero when that is not known
	Since    time.Time // since when the first of them waits; zero when that is not known
}

// underWay lists the states of packages whose invoices wait for something, in the order in which a
// package has them.
var underWay = []ledger.PackageState{ledger.PackageCut, ledger.PackageOpened, ledger.PackageUploaded,
	ledger.PackageClosing, ledger.PackageProcessing, ledger.PackageSettled}

// Overview counts the invoices that wait, by tenant and reason, the largest count first. Its cost
// does not grow with the number of invoices that are done. Of a very long queue it reads the first
// tasks only.
func (r *Reader) Overview(ctx context.Context) ([]Count, error) {
	var ids []string
	for _, s := range underWay {
		some, err := r.Ledger.PackagesInState(ctx, s, time.Time{}, time.Time{}, maxRead)
		if _, err = ledger.Skip(err); err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	f, err := r.facts(ctx, nil, ids)
	if err != nil {
		return nil, err
	}
	single, err := r.singles(ctx, f)
	if err != nil {
		return nil, err
	}
	opened, err := r.opened(ctx, f)
	if err != nil {
		return nil, err
	}
	single = append(single, opened...)
	tenants := map[string]bool{}
	for _, p := range f.Packages {
		tenants[p.Tenant] = true
	}
	for _, s := range f.Sets {
		tenants[s.Group.Tenant] = true
	}
	for i := range single {
		tenants[single[i].Tenant] = true
	}
	for _, t := range f.Queues.Tasks {
		if t.Kind == queue.KindChunk && t.Count > 0 {
			tenants[t.Tenant] = true
		}
	}
	if err := r.tenants(ctx, f, tenants); err != nil {
		return nil, err
	}
	return f.count(single), nil
}

// singles reads the invoices that are outside of sets and packages, by the tasks that were read. It
// marks the chunks whose invoices it reads. The method count counts these invoices one by one and
// leaves their chunks out, because some invoices of a chunk may have been moved already. singles
// reads no more than maxRead invoices of chunks.
func (r *Reader) singles(ctx context.Context, f *Facts) ([]ledger.Invoice, error) {
	var ids []string
	carried := 0
	for id, t := range f.Queues.Tasks {
		switch {
		case t.Kind == queue.KindSubmit || t.Kind == queue.KindSend:
			ids = append(ids, t.ID)
		case t.Kind == queue.KindChunk && t.IDs != nil && carried+len(t.IDs) <= maxRead:
			carried += len(t.IDs)
			ids = append(ids, t.IDs...)
			f.perInvoice[id] = true
		}
	}
	slices.Sort(ids)
	invs, err := r.Ledger.Invoices(ctx, slices.Compact(ids))
	if _, err = ledger.Skip(err); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(invs, func(inv ledger.Invoice) bool {
		return inv.State != ledger.Queued || inv.Group != ""
	}), nil
}

// maxSessions is the most online sessions whose invoices are read.
const maxSessions = 50

// opened reads the invoices of online sessions. KSeF decides each of them separately, so the
// package does not say how many are left. opened marks the packages of those sessions, and the
// method count leaves these packages out.
func (r *Reader) opened(ctx context.Context, f *Facts) ([]ledger.Invoice, error) {
	var out []ledger.Invoice
	sessions := 0
	for id, p := range f.Packages {
		if p.Lane != ledger.Express || sessions == maxSessions {
			continue
		}
		sessions++
		held, err := r.Ledger.Held(ctx, id)
		if _, err = ledger.Skip(err); err != nil {
			return nil, err
		}
		out = append(out, held...)
		f.perInvoice[id] = true
	}
	return out, nil
}

// count is the pure part of [Reader.Overview]. single are the invoices that are counted one by one.
func (f *Facts) count(single []ledger.Invoice) []Count {
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
		w := f.why(stage{kind: queue.KindCut, set: name}, set.Group.Tenant)
		add(set.Group.Tenant, w.since(set.Oldest), set.Count)
	}
	for id, p := range f.Packages {
		if f.perInvoice[id] {
			continue
		}
		s := stage{kind: kindOf(p), id: id, pkg: id, end: p.State == ledger.PackageSettled}
		w := f.why(s, p.Tenant)
		add(p.Tenant, w.since(p.UpdatedAt.Time()), p.Count)
	}
	for i := range single {
		add(single[i].Tenant, f.Of(&single[i]), 1)
	}
	for id, t := range f.Queues.Tasks {
		if t.Kind == queue.KindChunk && !f.perInvoice[id] {
			add(t.Tenant, f.why(stage{kind: t.Kind, id: t.ID}, t.Tenant), t.Count)
		}
	}
	for _, kind := range []queue.Kind{queue.KindSubmit, queue.KindSend} {
		for _, q := range kind.Queues() {
			add("", f.farEnd(q), f.atFarEnd(q))
		}
	}
	out := make([]Count, 0, len(sums))
	for _, c := range sums {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(b.Invoices-a.Invoices, strings.Compare(a.Tenant, b.Tenant), cmp.Compare(a.For, b.For))
	})
	return out
}

// atFarEnd estimates how many invoices the tasks at the far end of a queue carry. It assumes that
// each of these tasks carries the average of the tasks that were read.
func (f *Facts) atFarEnd(q string) int {
	tasks, invoices := 0, 0
	for _, t := range f.Queues.Tasks {
		if t.Queue == q {
			tasks, invoices = tasks+1, invoices+max(t.Count, 1)
		}
	}
	if tasks == 0 {
		return f.Queues.More[q]
	}
	return f.Queues.More[q] * invoices / tasks
}

// farEnd returns what the tasks at the far end of a queue wait for. These tasks were not read.
func (f *Facts) farEnd(queue string) Wait {
	switch {
	case f.Queues.Workers == 0:
		return noWorker()
	case f.Queues.Paused[queue]:
		return f.paused(queue)
	}
	return Wait{For: Turn, What: "waits behind others in queue " + queue}
}

// earliest returns the earlier of two times. It ignores a zero time.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
