package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// An operator who wants a warning two days before a deadline sets deadlines.warn. Packages must not
// be cut earlier because of this setting. Only packages.urgent_within makes them be cut earlier.
func TestOptions_DeadlinesWarn_DoesNotMakePackagesUrgent(t *testing.T) {
	cfg := config.Default()
	cfg.Deadlines.Warn, cfg.Packages.UrgentWithin = 48*time.Hour, 3*time.Hour
	if got := app.TaskOptions(cfg).DeadlineNear; got != 3*time.Hour {
		t.Errorf("invoices are urgent %s before the deadline, want packages.urgent_within", got)
	}
}
