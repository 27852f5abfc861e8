package tasks

import (
	"sync"
	"time"
)

// bulkhead bounds what one process does of one kind at the same time, in all and of one tenant.
// Whoever finds no place comes back later: to wait for one here would hold a worker, and with many
// who wait all of them. Safe for concurrent use.
type bulkhead struct {
	total, perTenant int

	mu      sync.Mutex
	used    int
	tenants map[string]int
	next    time.Time // when the last one comes back that found no place
}

func newBulkhead(total, perTenant int) *bulkhead {
	return &bulkhead{total: total, perTenant: perTenant, tenants: map[string]int{}}
}

// begin takes a place; false when there is none. Whoever has it MUST call end.
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

// comeBack is when somebody who found no place tries again. Thousands that wait are spread: coming
// back each second, they would keep the workers busy with being turned away.
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
