package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Figures are what one run came to.
type Figures struct {
	Seed                         uint64
	Invoices, Bad, Twice         int // handed in; of them bad; handed in a second time
	Accepted, Rejected, Parked   int // by the archive and the books
	Explained                    int // of the parked, those that the faults explain
	Faults                       map[string]int
	Partial                      map[string]int // what each partial fault did
	Blows                        map[string]int
	Starts                       int // of worker processes
	Sessions                     map[string]int
	Requests, Throttled, Overrun int           // 429s on purpose; violations that nothing explains
	Overbooked                   int           // limits overrun because a failover lost bookings
	Waited                       time.Duration // longest, from taken in to accepted, of an invoice that no partial fault concerned
	Took                         time.Duration
}

// String is one line.
func (f Figures) String() string {
	requests := fmt.Sprintf("requests %d, throttled on purpose %d, limits overrun %d, overbooked after a failover %d", f.Requests, f.Throttled, f.Overrun, f.Overbooked)
	partial := fmt.Sprintf("partial faults %s, the unconcerned waited at most %.1f s", listed(f.Partial), f.Waited.Seconds())
	return fmt.Sprintf("seed %d: %d invoices (%d bad, %d twice): %d accepted, %d rejected, %d parked (%d explained); faults %s; %s; blows %s; worker starts %d; sessions %s; %s; %.0f s",
		f.Seed, f.Invoices, f.Bad, f.Twice, f.Accepted, f.Rejected, f.Parked, f.Explained, listed(f.Faults), partial, listed(f.Blows), f.Starts, listed(f.Sessions), requests, f.Took.Seconds())
}

func listed(m map[string]int) string {
	var parts []string
	total := 0
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
		total += m[k]
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}

func sortByTime(d []delivery) {
	slices.SortStableFunc(d, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
}
