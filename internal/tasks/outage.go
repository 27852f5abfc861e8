package tasks

import (
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/retry"
)

// duringOutage turns a lost answer into waiting while the service that was asked is out of service,
// by itself or with the whole gateway. If the lost answer counted as a failure of the task, the
// task's pauses would grow. But the pauses must still be short when the service is back. A request
// that fails time and again while others succeed still has growing pauses.
func (c *core) duringOutage(ctx context.Context, tenant string, err error) error {
	api, _ := kindOf(err)
	v := retry.Judge(err)
	if api == nil || api.Group == ksef.GroupNone || v.Action != retry.LookFirst && v.Reason != retry.ReasonLost {
		return err
	}
	if down, unknown := c.Budget.Down(ctx, tenant, string(api.Group)); !down || unknown != nil {
		// Another worker may get an answer, so the task need not wait for this worker's next
		// attempt.
		if fault := c.Fault(tenant, string(api.Group)); fault != nil && unknown == nil {
			return fault
		}
		return err
	}
	if v.Action != retry.LookFirst {
		return err // the lost answer was looked up already, and err says how long to wait
	}
	return &retry.LaterError{Reason: retry.ReasonOutage, Err: err,
		What: fmt.Sprintf("%s of tenant %s is out of service", api.Group, tenant)}
}

// ofOneObject lets the pauses of a task grow when the task asked about one object, such as a
// session's status or receipt, and got no answer while other requests are answered. No circuit
// holds the task back, because only one object fails. Without growing pauses the task would ask
// every few seconds and use up the tenant's allowance.
func (c *core) ofOneObject(ctx context.Context, tenant string, err error) error {
	api, _ := kindOf(err)
	v := retry.Judge(err)
	if api == nil || !api.Group.OfObject() || v.Action != retry.Later || v.Delay != 0 || v.Reason == retry.ReasonProcessing {
		return err
	}
	if down, unknown := c.Budget.Down(ctx, tenant, string(api.Group)); down || unknown != nil {
		return err
	}
	return &retry.LaterError{Reason: v.Reason, Grows: true, Err: api, What: "asked again at growing pauses"}
}
