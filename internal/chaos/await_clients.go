//go:build unix

package chaos

import (
	"context"
	"time"
)

// awaitClients waits until the exporter has been told everything: by its receiver and in its
// folder. When that takes too long, the audit says what is missing.
func (r *run) awaitClients(ctx context.Context) {
	deadline := time.Now().Add(min(r.o.Patience, 5*time.Minute))
	au := &auditor{r}
	for time.Now().Before(deadline) {
		if au.folderDone() && len(au.checkTold(ctx)) == 0 {
			return
		}
		if pause(ctx, 300*time.Millisecond) != nil {
			return
		}
	}
}
