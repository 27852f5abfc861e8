package app_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A bucket takes connections and never answers, while dozens of packages wait for their receipts.
// Everything else goes on: three workers at most wait for it, and then none.
func TestArchive_HangsWithDozensOfReceiptsDue_SubmissionsGoOnAndItIsTold(t *testing.T) {
	t.Parallel()
	a := bucket(func(_ http.ResponseWriter, mended <-chan struct{}) bool { <-mended; return false })
	p := newPool(t, 2, simulator.Options{Profile: simulator.Unlimited}, func(c *config.Config) {
		a.set(t, c)
		c.Archive.Timeout, c.Archive.Parallel = 5*time.Second, 3
		c.Packages.MaxInvoices, c.Packages.ExpressBelow, c.Packages.MaxWait = 5, 0, time.Second
		c.Limits.Scale = 3600
	})
	a.fail(t)
	addr, _ := p.workAt()
	mend := sync.OnceFunc(func() { a.mend(t) })
	t.Cleanup(mend) // a test that fails must not hang with it
	inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
	// A receipt that is turned away is active for a moment too; one that waits for the archive is active
	// at one look after the other.
	most, since := 0, map[string]time.Time{}
	look := func() {
		active, err := inspector.ListActiveTasks(tasks.QueueReceipts, asynq.PageSize(200))
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
		since, most = seen, max(most, held)
	}
	first := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 300)...)
	until(t, 60*time.Second, "all of the first are accepted", func() bool {
		look()
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Accepted)] == int64(len(first))
	})
	p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(1), 3000)...)
	until(t, 120*time.Second, "3,000 submissions are worked off", func() bool {
		look()
		left := 0
		for _, q := range []string{tasks.QueueInvoices, tasks.QueueInvoicesOverflow} {
			info, err := inspector.GetQueueInfo(q)
			if err != nil {
				return false
			}
			left += info.Pending + info.Active
		}
		return left == 0
	})
	if most < 1 || most > 3 {
		t.Errorf("%d receipts held a worker at a time, want 1 to 3", most)
	}
	until(t, 30*time.Second, "it is out of service", func() bool {
		return strings.Contains(get(t, "http://"+addr+"/metrics"), "ksef_archive_up 0")
	})
	ready := get(t, "http://"+addr+"/readyz")
	for _, word := range []string{`"ready": true`, "receipts wait", "out of service"} {
		if !strings.Contains(ready, word) {
			t.Errorf("readiness does not say %q: %s", word, ready)
		}
	}
	if !strings.Contains(p.log.String(), "the archive is out of service for this process") {
		t.Error("the log does not say it")
	}
	until(t, 60*time.Second, "a receipt says what it waits for", func() bool {
		waits, err := inspector.ListRetryTasks(tasks.QueueReceipts)
		return err == nil && len(waits) > 0 && strings.Contains(waits[0].LastErr, "(archive)") && waits[0].Retried == 0
	})
	mend()
	until(t, 120*time.Second, "the receipts follow", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Receipted)] >= int64(len(first))
	})
}
