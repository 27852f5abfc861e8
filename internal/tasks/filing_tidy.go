package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
)

// tidyTime bounds how long a receipt task, after its own work, joins the indexes of one folder.
const tidyTime = 30 * time.Second

// tidied remembers for which folders of bundles this process has joined the indexes, and on which
// day.
type tidied struct {
	mu  sync.Mutex
	day map[string]string
}

// due reports whether a folder has still to be tidied on this day. After the call, the folder
// counts as tidied.
func (t *tidied) due(folder, day string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	const many = 10_000
	if t.day[folder] == day {
		return false
	}
	if t.day == nil || len(t.day) >= many {
		t.day = map[string]string{}
	}
	t.day[folder] = day
	return true
}

// tidyMonths is how many months before the month of a bundle are tidied too. The indexes of the
// last packages of a month are joined when invoices of the next month are archived.
const tidyMonths = 2

// tidy joins the indexes that earlier packages left in the folder of a seller and month. Each
// process does so once a day, for each folder in which the filing has enough invoices for a bundle,
// and for the folders of the two months before. Nothing depends on tidy, so an error is only
// logged.
func (bs *bundles) tidy(ctx context.Context) {
	if bs == nil {
		return
	}
	for at, n := range bs.count {
		month, err := time.Parse("2006-01", at.month)
		if n < bundleFrom || err != nil {
			continue
		}
		for back := range tidyMonths + 1 {
			folder := archive.BundlesFolder(at.nip, month.AddDate(0, -back, 0).Format("2006-01"))
			if !bs.w.tidied.due(folder, bs.day) {
				continue
			}
			ctx, cancel := context.WithTimeoutCause(ctx, tidyTime, context.DeadlineExceeded)
			bs.w.warn(ctx, "join the indexes of "+folder, bundle.Over(bs.w.Store).Tidy(ctx, folder, bs.day))
			cancel()
		}
	}
}
