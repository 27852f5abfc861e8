package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// A bucket accepts connections and never answers, while dozens of packages wait for their receipts.
// Everything else goes on. At most three tasks at a time (archive.parallel) wait for the bucket.
// Once the archive counts as out of service, no task waits for the bucket.
func TestArchive_HangsWithDozensOfReceiptsDue_SubmissionsGoOnAndReadinessShowsIt(t *testing.T) {
	t.Parallel()
	a := bucket(func(_ http.ResponseWriter, repaired <-chan struct{}) bool { <-repaired; return false })
	p := newPool(t, 2, simulator.Options{Profile: simulator.Unlimited}, func(c *config.Config) {
		a.set(t, c)
		c.Archive.Timeout, c.Archive.Parallel = 5*time.Second, 3
		c.Packages.MaxInvoices, c.Packages.ExpressBelow, c.Packages.MaxWait = 5, 0, time.Second
		c.Limits.Scale = 3600
	})
	a.fail(t)
	addr, _ := p.workAt()
	t.Cleanup(func() { a.repair(t) }) // otherwise the workers would hang when the test fails
	inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
	// Even a receipt task that is refused at once is active for a moment. A task that waits for the
	// archive stays active. So only a task that is active for more than a second counts as held.
	maxHeld, since := 0, map[string]time.Time{}
	poll := func() {
		active, err := inspector.ListActiveTasks(queue.QueueReceipts, asynq.PageSize(200))
		if err != nil {
			return
		}
		held, seen := 0, map[string]time.Time{}
		for _, task := range active {
			first, before := since[task.ID]
			if !before {
				first = time.Now()
			}
			seen[task.ID] = first
			if time.Since(first) > time.Second {
				held++
			}
		}
		since, maxHeld = seen, max(maxHeld, held)
	}
	first := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 120)...)
	allAccepted := p.count(accepted, len(first))
	until(t, 60*time.Second, "the first 24 packages are accepted", func() bool { poll(); return allAccepted() })
	p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(1), 400)...)
	until(t, 120*time.Second, "400 more invoices have left the queue", func() bool {
		poll()
		left := 0
		for _, q := range []string{queue.QueueInvoices, queue.QueueInvoicesOverflow} {
			info, err := inspector.GetQueueInfo(q)
			if err != nil {
				return false
			}
			left += info.Pending + info.Active
		}
		return left == 0
	})
	until(t, 30*time.Second, "a receipt task waits for the archive", func() bool { poll(); return maxHeld > 0 })
	until(t, 30*time.Second, "the archive is out of service", func() bool {
		poll()
		return strings.Contains(page(t, addr, "/metrics"), "ksef_archive_up 0")
	})
	if maxHeld > 3 {
		t.Errorf("up to %d receipt tasks waited for the archive at a time, want at most 3", maxHeld)
	}
	ready := page(t, addr, "/readyz")
	for _, word := range []string{`"ready": true`, "receipts wait", "out of service"} {
		if !strings.Contains(ready, word) {
			t.Errorf("readiness does not show %q: %s", word, ready)
		}
	}
	if !strings.Contains(p.log.String(), "the archive is out of service for this process") {
		t.Error("the log does not say that the archive is out of service")
	}
	until(t, 60*time.Second, "a receipt task shows what it waits for", func() bool {
		waits, err := inspector.ListRetryTasks(queue.QueueReceipts)
		return err == nil && len(waits) > 0 && strings.Contains(waits[0].LastErr, "(archive)") && waits[0].Retried == 0
	})
	a.repair(t)
	until(t, 120*time.Second, "the receipts of the first 120 invoices are in the archive", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Receipted)] >= int64(len(first))
	})
}
