package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// plan says how often sessions may be polled. All sessions of a tenant share one allowance. If each
// session were polled by its age alone, its pauses would be seconds at first and grow with age.
// Fifty sessions that begin together would then need more than an hour's requests. After their
// first polls, no other session would get an answer until the next hour. The plan is read again
// about once a second and is never exact. The limiter decides what may really be sent.
type plan struct {
	mu      sync.Mutex
	tenants map[string]share
	read    time.Time

	// The sessions seen so far in the present pass through all sessions. Only one goroutine uses
	// these fields. A pass takes one round, or several when there are very many sessions.
	seen   []ledger.Underway
	offset int
}

// share is one tenant's part of the plan. With the zero share, a session's pauses depend on its age
// alone.
type share struct {
	closed, open int           // sessions polled for their status; open online sessions, polled for their list
	mean         time.Time     // since when the closed ones have waited, on average
	urgent       int           // how many of the closed ones have a near deadline
	turn, list   time.Duration // until a closed session has its turn; between two lists of an open one
	scarce       bool          // too little is left to poll each once; half of a turn is spent in the waitlist
}

// pause returns how long a session of the given age waits before it joins the waitlist for its next
// poll. While plenty of the allowance is left, the pause depends on the age alone. Otherwise it
// lasts until the session's turn among the others. By these turns, a session twice as old as the
// mean pauses a third as long as a new one, so that all polls together stay within the allowance. A
// session whose deadline is near is polled more often, unless all sessions are urgent. Urgent
// sessions have a waitlist of their own, so the others do not overtake them.
func (s share) pause(age time.Duration, now time.Time, urgent bool, first, last time.Duration) time.Duration {
	wish, turn, weight := retry.PollPause(age, first, last), s.turn, 1.0
	if mean := now.Sub(s.mean); s.turn > 0 && mean > 0 {
		weight = min(max(1.5-0.5*float64(age)/float64(mean), 0.5), 1.5) // a clock that is off makes ages negative
	}
	switch {
	case urgent && s.urgent < s.closed:
		// Among u urgent and o ordinary sessions, each urgent session has two places in a round,
		// and each ordinary session has one. Such a round has 2u+o places instead of u+o, and an
		// urgent session waits for half of it.
		weight = (1 + float64(s.urgent)/float64(s.closed)) / 2
	case s.scarce:
		turn /= 2 // the other half is spent in the waitlist
	}
	return max(time.Duration(weight*float64(max(wish, turn))), first)
}

// planEvery is how old the plan may get. In one round, at most sweepAtOnce sessions of each kind
// are read. The others are read a second later.
const planEvery = time.Second

// pollSchedule holds the present plan. The pulse reads the plan again; see [Worker.Pulse].
type pollSchedule struct {
	*core
	plan plan
}

// replan reads the plan again when it is old.
func (ps *pollSchedule) replan(ctx context.Context, now time.Time) error {
	if now.Sub(ps.plan.read) < planEvery {
		return nil
	}
	under, more, err := ps.Ledger.Underways(ctx, ps.plan.offset, sweepAtOnce)
	if err != nil {
		return err
	}
	ps.plan.seen, ps.plan.offset = append(ps.plan.seen, under...), ps.plan.offset+sweepAtOnce
	if more {
		return nil
	}
	seen := ps.plan.seen
	ps.plan.seen, ps.plan.offset = nil, 0
	return ps.apportion(ctx, tally(seen, ps.urgent), now)
}

// apportion gives each tenant's sessions their turns. A tenant whose usage cannot be read gets no
// turns from the plan. The limiter decides in any case.
func (ps *pollSchedule) apportion(ctx context.Context, tenants map[string]share, now time.Time) error {
	var f faults
	for tenant, s := range tenants {
		status, err := ps.Budget.Usage(ctx, tenant, string(ksef.GroupSessionMisc))
		if err != nil {
			if f.add(err) {
				return f.err()
			}
			continue
		}
		list, err := ps.Budget.Usage(ctx, tenant, string(ksef.GroupSessionInvoiceList))
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
	ps.plan.mu.Lock()
	defer ps.plan.mu.Unlock()
	ps.plan.tenants, ps.plan.read = tenants, now
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
			// The mean is updated step by step, because a sum of instants would overflow.
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

func (ps *pollSchedule) share(tenant string) share {
	ps.plan.mu.Lock()
	defer ps.plan.mu.Unlock()
	return ps.plan.tenants[tenant]
}
