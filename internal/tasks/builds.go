package tasks

import (
	"sync"
	"time"
)

const (
	// parallelBuilds is how many packages one worker builds and uploads at a time: each keeps a core busy and a spool file on disk.
	parallelBuilds = 3
	// tenantBuilds is how many of those may be of one tenant, so that twenty packages of one do not stand before the only one of another.
	tenantBuilds = 2
	// buildLater is when a package comes back that found no place. It does not wait here: it would hold a worker, and with many packages all of them, while single sends stand by.
	buildLater = time.Second
	// openPatience is how long a package that is built waits for its session.
	openPatience = 15 * time.Second
)

// builds bounds the packages that are built at the same time. Safe for concurrent use.
type builds struct {
	mu      sync.Mutex
	total   int
	tenants map[string]int
}

func newBuilds() *builds { return &builds{tenants: map[string]int{}} }

// begin takes a place; false when there is none. Who has it MUST call end.
func (b *builds) begin(tenant string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total >= parallelBuilds || b.tenants[tenant] >= tenantBuilds {
		return false
	}
	b.total++
	b.tenants[tenant]++
	return true
}

func (b *builds) end(tenant string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.tenants[tenant]--; b.tenants[tenant] == 0 {
		delete(b.tenants, tenant)
	}
}
