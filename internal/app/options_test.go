package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// There are two settings: an operator who wants to hear of deadlines two days before must not have
// packages cut earlier by it.
func TestOptions_DeadlinesWarn_DoesNotMakePackagesUrgent(t *testing.T) {
	cfg := config.Default()
	cfg.Deadlines.Warn, cfg.Packages.UrgentWithin = 48*time.Hour, 3*time.Hour
	if got := app.TaskOptions(cfg).DeadlineNear; got != 3*time.Hour {
		t.Errorf("urgent from %s before the deadline on, want packages.urgent_within", got)
	}
}
