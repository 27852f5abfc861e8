//go:build unix

package chaos

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

// judgePartial looks at what the partial faults must not do: hold up what they do not concern, and pass in silence.
func (r *run) judgePartial(f *Figures, books simulator.Books) (errs []error) {
	accepted := map[key]time.Time{}
	for _, a := range books.Accepted {
		accepted[keyOf(a.NIP, a.Kind, a.Number)] = a.At
	}
	for _, s := range r.sick {
		for _, it := range r.export.items {
			at, known := accepted[keyOf(it.nip, it.kind, it.number)]
			if it.bad || !known || s.concerns(it) || it.taken.Before(s.from) || it.taken.After(s.to) {
				continue
			}
			wait := at.Sub(it.taken)
			f.Waited = max(f.Waited, wait)
			if r.o.lone() && wait > worstWait {
				errs = append(errs, fmt.Errorf("%s %s waited %.1f s although %s does not concern it", it.nip, it.number, wait.Seconds(), s.spell))
			}
		}
	}
	errs = append(errs, r.judgeOneSession()...)
	for _, s := range r.strangers {
		data, err := os.ReadFile(s.log)
		if err == nil && !strings.Contains(string(data), s.absent) {
			err = fmt.Errorf("%s never said that its key file is missing", s.name)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if r.newer != nil {
		var logs []string
		for _, s := range r.seats {
			logs = append(logs, s.log)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, r.newer.judge(ctx, r.base.Redis, logs)...)
	}
	return errs
}

// concerns tells whether an invoice has to wait until a spell is over. Receipts and the archive come after KSeF's
// acceptance, and a worker without a key leaves its tenant to the others.
func (s sickness) concerns(it *item) bool {
	switch s.kind {
	case Tenant5xx, TenantHangs:
		return it.nip == s.nip
	case Operation5xx:
		return s.fault.On != "upo"
	case ArchiveHangs, KeylessWorker, NewerEntry, OneSession:
		return false
	}
	return true
}

// forgotten tells whether a limit was overrun because a failover lost what was booked during the lag: within one window
// after it, and what was on its way when that began a block. The bookings of half a second are few.
func (r *run) forgotten(v simulator.Violation, sofar int) bool {
	const onTheWay, settle, mostEach = time.Second, 2 * time.Second, 5
	span := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "block": time.Hour}[v.Window] / scale
	lost := slices.ContainsFunc(r.failovers, func(t time.Time) bool {
		since := v.At.Sub(t)
		return since > 0 && since < span+settle+onTheWay
	})
	return lost && sofar < mostEach*len(r.failovers)
}
