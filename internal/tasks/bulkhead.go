package tasks

import (
	"sync"
	"time"
)

// bulkhead bounds how many tasks of one kind a process runs at the same time, in total and for one
// tenant. A task that finds no place comes back later. A task that waited here would occupy one of
// the process's places for tasks, and many waiting tasks would occupy all of them. bulkhead is safe
// for concurrent use.
type bulkhead struct {
	total, perTenant int

	mu      sync.Mutex
	used    int
	tenants map[string]int
	next    time.Time // when the last task that found no place comes back
}

func newBulkhead(total, perTenant int) *bulkhead {
	return &bulkhead{total: total, perTenant: perTenant, tenants: map[string]int{}}
}

// begin takes a place and reports whether there was one. A caller that got a place MUST call end.
func (p *bulkhead) begin(tenant string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used >= p.total || p.tenants[tenant] >= p.perTenant {
		return false
	}
	p.used++
	p.tenants[tenant]++
	return true
}

func (p *bulkhead) end(tenant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	if p.tenants[tenant]--; p.tenants[tenant] == 0 {
		delete(p.tenants, tenant)
	}
}

const (
	comeBackFirst  = time.Second
	comeBackSpread = 20 * time.Millisecond
	comeBackMax    = 30 * time.Second
)

// comeBack returns how long a task that found no place should wait before it tries again. comeBack
// spreads thousands of waiting tasks over time. If all of them came back each second, the workers
// would be busy with turning them away.
func (p *bulkhead) comeBack(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = p.next.Add(comeBackSpread)
	if first := now.Add(comeBackFirst); p.next.Before(first) {
		p.next = first
	}
	if last := now.Add(comeBackMax); p.next.After(last) {
		p.next = last
	}
	return p.next.Sub(now)
}
