//go:build unix

package chaos

import (
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/simulator"
)

// checkLimits reports overrun limits. It excuses what no client can avoid. A request may come
// during a block that the simulator ordered, because the request was under way when the block
// began. It may also come because the worker that received the order died, or could not record the
// order while Redis was away. And a failover may lose bookings.
func (au *auditor) checkLimits(f *Figures, violations []simulator.Violation) []error {
	var errs []error
	for _, v := range violations {
		switch {
		case au.inOrderedBlock(v):
		case au.bookingLost(v, f.Overbooked):
			f.Overbooked++
		default:
			f.Overrun++
			errs = append(errs, fmt.Errorf("limit overrun: %+v", v))
		}
	}
	return errs
}

// underWay is how long a request may take from the limiter to the simulator.
const underWay = time.Second

func (au *auditor) inOrderedBlock(v simulator.Violation) bool {
	const around = 5 * time.Second
	return v.Window == "block" && slices.ContainsFunc(au.simLog.orderedBlocks(), func(ordered time.Time) bool {
		since := v.At.Sub(ordered)
		if since < -underWay || since > around {
			return false
		}
		return since <= underWay || slices.ContainsFunc(au.moments, func(m time.Time) bool {
			return m.After(ordered.Add(-around)) && m.Before(v.At)
		})
	})
}

// bookingLost reports whether a limit was overrun because a failover lost bookings that the replica
// did not have yet. Such an overrun comes within one window after the failover, or within a block
// that began at that time. The replica lags half a second at most, so few bookings are lost, and
// only few overruns are excused.
func (au *auditor) bookingLost(v simulator.Violation, excused int) bool {
	const failoverTakes, maxEach = 2 * time.Second, 5
	windows := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "block": time.Hour}
	lost := slices.ContainsFunc(au.failovers, func(t time.Time) bool {
		since := v.At.Sub(t)
		return since > 0 && since < windows[v.Window]/scale+failoverTakes+underWay
	})
	return lost && excused < maxEach*len(au.failovers)
}
