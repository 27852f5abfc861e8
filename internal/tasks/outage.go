package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/retry"
)

// duringOutage turns a lost answer into waiting while what was asked for is out of service, by
// itself or with the whole gateway: it is not this task that failed, and its pauses must not have
// grown when the service is back. A request that alone is answered badly, time and again, still has
// growing pauses.
func (w *Worker) duringOutage(ctx context.Context, tenant string, err error) error {
	api, _ := kindOf(err)
	v := retry.Judge(err)
	if api == nil || api.Group == ksef.GroupNone || v.Action != retry.LookFirst && v.Reason != retry.ReasonLost {
		return err
	}
	if down, unknown := w.Budget.Down(ctx, tenant, string(api.Group)); !down || unknown != nil {
		// Another worker may get an answer: the task need not wait for this one's next try.
		if fault := w.Fault(tenant, string(api.Group)); fault != nil && unknown == nil {
			return fault
		}
		return err
	}
	if v.Action != retry.LookFirst {
		return err // it has been looked for, and waits as it is
	}
	return &retry.LaterError{Reason: retry.ReasonOutage, Err: err,
		What: fmt.Sprintf("%s of tenant %s is out of service", api.Group, tenant)}
}

// ofOneObject lets the pauses grow of a task that asked about one thing, a session's status or receipt,
// and got no answer, while what others ask for is answered. No circuit holds it back, for it is the only
// one that is sick: asked about every few seconds it would eat the tenant's allowance.
func (w *Worker) ofOneObject(ctx context.Context, tenant string, err error) error {
	api, _ := kindOf(err)
	v := retry.Judge(err)
	if api == nil || !api.Group.OfObject() || v.Action != retry.Later || v.Delay != 0 || v.Reason == retry.ReasonProcessing {
		return err
	}
	if down, unknown := w.Budget.Down(ctx, tenant, string(api.Group)); down || unknown != nil {
		return err
	}
	return &retry.LaterError{Reason: v.Reason, Grows: true, Err: api, What: "asked again at growing pauses"}
}
