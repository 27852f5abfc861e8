//go:build unix

package chaos

import (
	"context"
	"time"
)

// awaitClients waits until the exporter has been told everything, through its receiver and through
// its folder. If that takes too long, or ctx ends, awaitClients returns too, and the audit reports
// what is missing.
func (au *auditor) awaitClients(ctx context.Context) {
	deadline := time.Now().Add(min(au.o.Patience, 5*time.Minute))
	for time.Now().Before(deadline) {
		if au.inbox.done() && len(au.checkTold(ctx)) == 0 {
			return
		}
		if pause(ctx, 500*time.Millisecond) != nil {
			return
		}
	}
}
