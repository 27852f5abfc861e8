//go:build unix

package chaos

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"ksefworker/internal/testbed"
)

// maxWait is how long an invoice may take from intake to acceptance during a partial fault that
// does not concern it.
const maxWait = 12 * time.Second

// checkPartial checks that a fault that was ordered alone delayed only the invoices that it
// concerns. It also checks that at most one package waited for a failing session, and that the
// workers logged a missing key file and newer entries. Newer entries must be unchanged.
func (au *auditor) checkPartial(f *Figures, a testbed.Audit) (errs []error) {
	for _, e := range au.episodes {
		for _, it := range au.export.items {
			accepted := a.Accepted[it.invoice()]
			if it.bad || len(accepted) == 0 || e.concerns(it) || it.taken.Before(e.from) || it.taken.After(e.to) {
				continue
			}
			wait := accepted[len(accepted)-1].At.Sub(it.taken)
			f.MaxWait = max(f.MaxWait, wait)
			if au.o.alone() && wait > maxWait {
				errs = append(errs, fmt.Errorf("%s %s waited %.1f s although %s does not concern it",
					it.nip, it.number, wait.Seconds(), e.episode))
			}
		}
	}
	errs = append(errs, au.checkOneSession()...)
	for _, w := range au.extraWorkers {
		data, err := os.ReadFile(w.log)
		if err == nil && !strings.Contains(string(data), w.missingKey) {
			err = fmt.Errorf("%s did not log that its key file is missing", w.name)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if au.newer != nil {
		var logs []string
		for _, w := range au.workers {
			logs = append(logs, w.log)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, au.newer.check(ctx, au.controller.Redis, logs)...)
	}
	return errs
}

// concerns reports whether an invoice may have to wait until an episode is over. Only the time
// until KSeF's acceptance counts. So faults that strike after it concern no invoice. These are the
// faults of receipts, of the archive, and of the answers about one session. A worker that lacks a
// tenant's key concerns no invoice either, because the other workers serve that tenant. Entries of
// a newer version are not among the invoices of the run.
func (e pastEpisode) concerns(it *item) bool {
	switch e.kind {
	case Tenant5xx, TenantHangs:
		return it.nip == e.nip
	case Operation5xx:
		return e.fault.On != "upo"
	case ArchiveHangs, KeylessWorker, NewerEntry, OneSession:
		return false
	}
	return true
}

// checkOneSession returns an error when more than one package waited for a failing session, because
// a session is one package.
func (au *auditor) checkOneSession() (errs []error) {
	for _, e := range au.episodes {
		if len(e.waiting) > 1 {
			errs = append(errs, fmt.Errorf("%d packages waited although only one session failed (%s): %v",
				len(e.waiting), e.episode, e.waiting))
		}
	}
	return errs
}
