package tasks

import (
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// core is what every part of a worker uses. Safe for concurrent use.
type core struct {
	Parts
	*trail
	o      Options
	clock  *poolClock
	rarely rarely
	turns  turns
	alarms *alarms
}

// newCore returns a core of p and o. It fills in what they leave out.
func newCore(p Parts, o Options) *core {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepAfter == 0 {
		o.SweepAfter = time.Minute
	}
	if o.DeadAfter == 0 {
		o.DeadAfter = 30 * time.Second
	}
	if o.Reached == nil {
		o.Reached = func(Reached) {}
	}
	if o.Ended == nil {
		o.Ended = func(Ended) {}
	}
	if o.Judged == nil {
		o.Judged = func(Judged) {}
	}
	if o.After == nil {
		o.After = afterFunc
	}
	clock := &poolClock{machine: o.Now}
	o.Now = clock.now
	if p.PartStore == nil {
		p.PartStore = alwaysInService{}
	}
	if p.Fault == nil {
		p.Fault = func(string, ...string) error { return nil }
	}
	if o.ArchiveParallel == 0 {
		o.ArchiveParallel = 3
	}
	if o.ArchiveShare == 0 {
		o.ArchiveShare = 2
	}
	c := &core{Parts: p, o: o, clock: clock, turns: turns{max: o.TenantTasks}, alarms: newAlarms(p.Queue, o.After)}
	c.trail = &trail{parts: &c.Parts, log: &c.o.Log, trace: o.Trace, now: o.Now}
	return c
}

// transport returns the tenant's transport to KSeF. Without one the work waits, because another
// worker may have the key of the tenant, or a person may fix the configuration.
func (c *core) transport(tenant string) (Transport, error) {
	if err := c.Fault(tenant); err != nil {
		return nil, err
	}
	t, ok := c.Transport(tenant)
	if !ok {
		return nil, &retry.LaterError{Delay: time.Minute, Reason: retry.ReasonPaused,
			What: fmt.Sprintf("tenant %s is not in this configuration, or is paused by it", tenant)}
	}
	return t, nil
}

// rules returns the settings that decisions about packages go by.
func (c *core) rules() settlement.Rules {
	return settlement.Rules{Refusals: c.o.Refusals, ConfirmFirst: c.o.ConfirmFirst}
}

func (c *core) reached(kind queue.Kind, s ledger.State, n int) {
	if n > 0 {
		c.o.Reached(Reached{Kind: kind, State: s, Count: n})
	}
}

// ended reports the end of one invoice to the observer. It ignores a move that ended nothing.
func (c *core) ended(m settlement.Move) {
	e := Ended{Lane: m.Invoice.Lane, Code: m.Code, After: max(0, c.o.Now().Sub(m.Invoice.CreatedAt.Time()))}
	switch m.Fate {
	case settlement.Accept:
		e.State = ledger.Accepted
	case settlement.Reject:
		e.State = ledger.Rejected
	case settlement.Park:
		e.State = ledger.Parked
	default:
		return
	}
	c.o.Ended(e)
}
