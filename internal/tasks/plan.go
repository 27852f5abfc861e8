package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// plan says how often sessions may be asked. All sessions of a tenant share one allowance: each session's own wish (seconds at first, less often with age) comes to more than an hour's
// requests when fifty begin together, and whoever asked first would leave the others blind until the next. The plan is read anew every few seconds and is never
// exact; what may really be sent is the limiter's word.
type plan struct {
	mu      sync.Mutex
	tenants map[string]share
	read    time.Time

	// What has been seen of the present pass through the sessions; of one goroutine alone. A pass
	// takes one round, or several when there are very many.
	seen   []ledger.Underway
	offset int
}

// share is one tenant's part of the plan; the zero share asks for nothing.
type share struct {
	closed, open int           // sessions to be asked for their status; open online ones, asked for their list
	mean         time.Time     // since when the closed ones wait, on average
	urgent       int           // of the closed ones
	turn, list   time.Duration // of a closed one, and what an open one pauses; see [ratelimit.Usage.Turn]
	scarce       bool          // no round of all is left: half of a turn is stood in line
}

// pause is how long a session of that age waits before it stands in line for its next look. It is the age's own pause while there is plenty left, and the session's turn among the others when there is
// not: then one twice as old as the mean pauses a third of what one that has just come does, so that the sum stays what the allowance bears. One whose deadline is near is asked twice as often as
// the mean, as long as others are left for whom that leaves something: it has a line of its own, which the others do not pass.
func (s share) pause(age time.Duration, now time.Time, urgent bool, first, last time.Duration) time.Duration {
	wish, turn, weight := retry.Age(age, first, last), s.turn, 1.0
	if mean := now.Sub(s.mean); s.turn > 0 && mean > 0 {
		weight = min(max(1.5-0.5*float64(age)/float64(mean), 0.5), 1.5) // a clock that is off makes ages negative
	}
	switch {
	case urgent && s.urgent < s.closed:
		// u who count twice and o others, of the places of a round of u+o: one round of those takes u+o+u places, and each of the u has two of them.
		weight = (1 + float64(s.urgent)/float64(s.closed)) / 2
	case s.scarce:
		turn /= 2 // the other half in line
	}
	return max(time.Duration(weight*float64(max(wish, turn))), first)
}

// planEvery is how old the plan may get; sessions beyond sweepAtOnce of a kind are looked at a
// second later.
const planEvery = time.Second

// replan reads the plan anew when it is old.
func (w *Worker) replan(ctx context.Context, now time.Time) error {
	if now.Sub(w.plan.read) < planEvery {
		return nil
	}
	under, more, err := w.Ledger.Underways(ctx, w.plan.offset, sweepAtOnce)
	if err != nil {
		return err
	}
	w.plan.seen, w.plan.offset = append(w.plan.seen, under...), w.plan.offset+sweepAtOnce
	if more {
		return nil
	}
	seen := w.plan.seen
	w.plan.seen, w.plan.offset = nil, 0
	return w.apportion(ctx, tally(seen, w.urgent), now)
}

// apportion gives each tenant's sessions their turns. A tenant whose use cannot be read keeps its
// turns without knowing them: the limiter has the last word in any case.
func (w *Worker) apportion(ctx context.Context, tenants map[string]share, now time.Time) error {
	var f faults
	for tenant, s := range tenants {
		status, err := w.Budget.Usage(ctx, tenant, string(ksef.GroupSessionMisc))
		if err != nil {
			if f.add(err) {
				return f.err()
			}
			continue
		}
		list, err := w.Budget.Usage(ctx, tenant, string(ksef.GroupSessionInvoiceList))
		if err != nil {
			if f.add(err) {
				return f.err()
			}
			continue
		}
		f.add(nil)
		s.turn, s.scarce = status.Turn(s.closed)
		var scarce bool
		if s.list, scarce = list.Turn(s.open); scarce {
			s.list /= 2
		}
		tenants[tenant] = s
	}
	w.plan.mu.Lock()
	defer w.plan.mu.Unlock()
	w.plan.tenants, w.plan.read = tenants, now
	return f.err()
}

func tally(under []ledger.Underway, urgent func(ledger.Millis) bool) map[string]share {
	tenants := map[string]share{}
	for _, u := range under {
		s := tenants[u.Tenant]
		if u.Open {
			s.open++
		} else {
			s.closed++
			if urgent(u.Deadline) {
				s.urgent++
			}
			// The running mean, as a step from the one before: sums of instants would overflow.
			if s.closed == 1 {
				s.mean = u.Since
			} else {
				s.mean = s.mean.Add(u.Since.Sub(s.mean) / time.Duration(s.closed))
			}
		}
		tenants[u.Tenant] = s
	}
	return tenants
}

func (w *Worker) share(tenant string) share {
	w.plan.mu.Lock()
	defer w.plan.mu.Unlock()
	return w.plan.tenants[tenant]
}
