package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Figures are the results of one run.
type Figures struct {
	Seed uint64
	// Invoices counts the invoices that were handed in. Bad counts the bad ones, and Repeated those
	// that were handed in a second time.
	Invoices, Bad, Repeated int
	// Accepted, Rejected and Parked count the outcomes in the archive and the books. Explained
	// counts the parked invoices that the ordered faults explain.
	Accepted, Rejected, Parked, Explained int
	// Refused counts the bad invoices that the watched folder refused, and Files the files that
	// were written into it. Told counts the results that the receiver stored, repeated ones
	// included, and Receiver how often the receiver failed, by kind.
	Refused, Files, Told int
	Receiver             map[string]int
	// Direct counts the accepted invoices of the tenants that go straight to KSeF.
	Direct int
	// Faults counts how often each fault of the simulator struck, by kind. Partial counts the
	// partial faults by name. Disruptions counts the disruptions of processes by kind.
	Faults, Partial, Disruptions map[string]int
	Starts, WatchStarts          int            // of worker processes, and of the watch
	Sessions                     map[string]int // by lane
	// Throttled counts the ordered 429s, Overrun the violations of limits that nothing explains,
	// and Overbooked those after a failover that lost bookings.
	Requests, Throttled, Overrun, Overbooked int
	// Some invoices are taken in during a partial fault that does not concern them. MaxWait is
	// their longest time from intake to acceptance.
	MaxWait time.Duration
	// Behind is the time from the end of the last invoice until the exporter's programs had been
	// told everything. The exporter is the company that hands invoices in.
	Behind time.Duration
	Took   time.Duration
}

// String returns one line.
func (f Figures) String() string {
	return strings.Join([]string{
		fmt.Sprintf("seed %d: %d invoices (%d bad, %d repeated): %d accepted (%d straight by KSeF), %d rejected, %d parked (%d explained)",
			f.Seed, f.Invoices, f.Bad, f.Repeated, f.Accepted, f.Direct, f.Rejected, f.Parked, f.Explained),
		fmt.Sprintf("files %d (%d refused), watch starts %d", f.Files, f.Refused, f.WatchStarts),
		fmt.Sprintf("results told %d, %.0f s after the end, receiver failed %s", f.Told, f.Behind.Seconds(), listed(f.Receiver)),
		"faults " + listed(f.Faults),
		fmt.Sprintf("partial faults %s, other invoices waited at most %.1f s", listed(f.Partial), f.MaxWait.Seconds()),
		"disruptions " + listed(f.Disruptions),
		fmt.Sprintf("worker starts %d", f.Starts),
		"sessions " + listed(f.Sessions),
		fmt.Sprintf("requests %d, throttled on purpose %d, limits overrun %d, overbooked after a failover %d",
			f.Requests, f.Throttled, f.Overrun, f.Overbooked),
		fmt.Sprintf("%.0f s", f.Took.Seconds()),
	}, "; ")
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
