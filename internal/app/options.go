package app

import (
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/pack"
	"ksefworker/internal/tasks"
)

// taskOptions returns the options of the task handlers as the configuration sets them.
func taskOptions(pool *connect.Pool, id, spool string, log zerolog.Logger, e *events, out *outcomeMetrics, told *toldLimits) tasks.Options {
	cfg := pool.Config
	return tasks.Options{
		Now:    pool.Now,
		Worker: id, Environment: string(cfg.Environment), TenantTasks: tenantTasks(cfg),
		SpoolDir: spool, PartSize: int64(cfg.Packages.PartSize), ParallelUploads: cfg.Packages.ParallelUploads,
		Refusals: cfg.Packages.Refusals,
		MaxWait:  cfg.Packages.MaxWait, MaxInvoices: cfg.Packages.MaxInvoices, MaxBytes: int64(cfg.Packages.MaxSize),
		PackageForm:     func(tenant string) tasks.PackageForm { t, _ := cfg.Tenant(tenant); return packageForm(cfg, t) },
		SessionInvoices: func(tenant string) int { t, _ := cfg.Tenant(tenant); return told.sessionInvoices(t) },
		ExpressBelow:    cfg.Packages.ExpressBelow, Quiet: cfg.Packages.Quiet, DeadlineNear: cfg.Packages.UrgentWithin,
		ExpressIdle: cfg.Express.Idle, ExpressMaxAge: cfg.Express.MaxAge,
		ExpressMaxInvoices: cfg.Express.MaxInvoices, ExpressShare: cfg.Limits.ExpressShare,
		ConfirmFirst: cfg.Confirm.First, ConfirmMax: cfg.Confirm.Max,
		SweepEvery: cfg.Sweep.Every, SweepAfter: cfg.Sweep.After, DeadAfter: cfg.Worker.DeadAfter,
		Retention: cfg.Ledger.Retention, UpgradeAfter: cfg.Ledger.UpgradeAfter,
		KeepRejected: cfg.Storage.KeepRejected, RefusalsKept: cfg.Ledger.Refusals,
		ArchiveParallel: cfg.Archive.Parallel, ArchiveShare: archiveShare(cfg),
		ArchivePackages: cfg.Archive.Layout == config.PackagesLayout,
		Enqueue:         pool.Enqueue(), Trace: pool.Trail.Trace,
		Log: log.With().Str("worker", id).Logger(), Reached: e.reached, Ended: out.ended, Judged: e.judged,
		Decided: countDecided(pool, log),
	}
}

// packageForm returns the format and the maximum size of a tenant's packages. The gateway's
// contract has a smaller maximum than KSeF's own.
func packageForm(cfg config.Config, t config.Tenant) tasks.PackageForm {
	f := tasks.PackageForm{Format: pack.ZIP, MaxSize: numbers.GatewayMaxBatchSize}
	if t.Way() == config.DirectTransport {
		f.MaxSize = numbers.MaxBatchSize
	}
	if cfg.PackageFormatOf(t) == config.TarGzPackage {
		f.Format = pack.TarGz
	}
	return f
}

// tenantTasks returns how many tasks of one tenant may run at once; 0 means no limit. When at least
// two tenants are not paused by configuration, it is half of the worker's concurrency, so that the
// other half is free for the other tenants.
func tenantTasks(cfg config.Config) int {
	if atWork(cfg) < 2 {
		return 0
	}
	return max(1, cfg.Worker.Concurrency/2)
}

// atWork counts the tenants that are not paused by configuration.
func atWork(cfg config.Config) int {
	n := 0
	for _, t := range cfg.Tenants {
		if !t.Paused {
			n++
		}
	}
	return n
}
