package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// An operator who wants a warning two days before a deadline sets deadlines.warn. This setting must
// not change when packages are cut. Another setting, packages.urgent_within, says how near a
// deadline has to be before a package is cut earlier.
func TestOptions_DeadlinesWarn_DoesNotMakePackagesUrgent(t *testing.T) {
	cfg := config.Default()
	cfg.Deadlines.Warn, cfg.Packages.UrgentWithin = 48*time.Hour, 3*time.Hour
	if got := app.TaskOptions(cfg).DeadlineNear; got != 3*time.Hour {
		t.Errorf("invoices are urgent %s before the deadline, want 3h, which is packages.urgent_within", got)
	}
}
