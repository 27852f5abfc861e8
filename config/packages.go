package config

import "time"

// KSeF's bounds of a batch session ("KSeF limits, September 2026"). These are ceilings for the knobs below, which stay well under them.
const (
	ksefInvoices = 10_000 // in one session, unless the Ministry has raised that for the taxpayer
	ksefPart     = 100_000_000
	ksefParts    = 50
	ksefBatch    = 5_000_000_000
)

// Packages says when the bulk lane cuts a tenant's waiting set into a package, and how a package travels. The first bound that is reached cuts.
type Packages struct {
	// MaxWait is how long the oldest invoice waits for company at most; 0 cuts at once, at most 24h.
	// It waits less when nothing more arrives and no package of its tenant is on its way, and longer
	// when fewer sessions are left than that would cost.
	MaxWait time.Duration `yaml:"max_wait" env:"MAX_WAIT"`
	// UrgentWithin is how long before its legal deadline an invoice counts as urgent; 0 to 24h. Urgent
	// ones go first, and a set that holds one waits a quarter of MaxWait; they cost no session that
	// the hour does not leave. What is reported as at risk is deadlines.warn, another setting.
	UrgentWithin time.Duration `yaml:"urgent_within" env:"URGENT_WITHIN"`
	// MaxInvoices in one package; 1 to 10,000, or to the largest max_session_invoices of a tenant. No
	// package has more than its own tenant's.
	MaxInvoices int `yaml:"max_invoices" env:"MAX_INVOICES"`
	// MaxSize of one package: the plain XML added up, before compression; 1kB to 5GB. Lowered to 50 parts of PartSize, KSeF's maximum,
	// when it is more than that.
	MaxSize Size `yaml:"max_size" env:"MAX_SIZE"`
	// PartSize of the ZIP's slices before encryption; 1kB to 100MB.
	PartSize Size `yaml:"part_size" env:"PART_SIZE"`
	// ExpressBelow: fewer invoices than this go one by one by the express lane, when its limits allow; 0 or 1 means never.
	ExpressBelow int `yaml:"express_below" env:"EXPRESS_BELOW"`
	// Quiet is how long nothing new must have arrived before what waits is sent without waiting for company: few invoices by the express
	// lane, others in a package, unless one of their tenant is on its way. 0 means at once, at most 24h.
	// Lowered to MaxWait when it is more.
	Quiet time.Duration `yaml:"quiet" env:"QUIET"`
	// SpoolDir holds encrypted parts until they are uploaded; empty means a folder of our own under the system's temporary one.
	SpoolDir string `yaml:"spool_dir" env:"SPOOL_DIR"`
	// ParallelUploads is how many parts of one package travel at the same time; 1 to 50.
	ParallelUploads int `yaml:"parallel_uploads" env:"PARALLEL_UPLOADS"`
	// Refusals of a whole session before the package is split in halves to find the invoice at fault; 1 to 20.
	Refusals int `yaml:"refusals" env:"REFUSALS"`
}

func defaultPackages() Packages {
	return Packages{
		MaxWait: 2 * time.Minute, UrgentWithin: 4 * time.Hour, MaxInvoices: 5000, MaxSize: GB, PartSize: 50 * MB,
		ExpressBelow: 5, Quiet: 2 * time.Second, ParallelUploads: 4, Refusals: 3,
	}
}

// settle brings two knobs down to what a third one permits. A fault would be wrong: whoever lowers max_wait to a second should not have
// to know about quiet.
func (p *Packages) settle() {
	p.Quiet = min(p.Quiet, p.MaxWait)
	p.MaxSize = min(p.MaxSize, p.PartSize*ksefParts)
}

func (p Packages) check(f *faults, most int) {
	f.duration("packages.max_wait", p.MaxWait, 0, 24*time.Hour)
	f.duration("packages.urgent_within", p.UrgentWithin, 0, 24*time.Hour)
	f.count("packages.max_invoices", p.MaxInvoices, 1, most)
	f.size("packages.part_size", p.PartSize, KB, ksefPart)
	f.size("packages.max_size", p.MaxSize, KB, ksefBatch)
	f.count("packages.express_below", p.ExpressBelow, 0, ksefInvoices)
	f.duration("packages.quiet", p.Quiet, 0, 24*time.Hour)
	f.count("packages.parallel_uploads", p.ParallelUploads, 1, ksefParts)
	f.count("packages.refusals", p.Refusals, 1, 20)
}

// Express is the online session that a worker keeps open for a tenant.
type Express struct {
	// Idle closes a session that has sent nothing for so long; 100ms to 11h30m. Receipts come only after the close.
	Idle time.Duration `yaml:"idle" env:"IDLE"`
	// MaxAge closes it however busy; 1m to 11h30m, because KSeF closes it by itself at 12h ("KSeF limits, September 2026").
	MaxAge time.Duration `yaml:"max_age" env:"MAX_AGE"`
	// MaxInvoices in one session; 1 to 10,000, or to the largest max_session_invoices of a tenant. No
	// session has more than its own tenant's.
	MaxInvoices int `yaml:"max_invoices" env:"MAX_INVOICES"`
}

func defaultExpress() Express {
	return Express{Idle: 30 * time.Second, MaxAge: 11 * time.Hour, MaxInvoices: ksefInvoices}
}

func (e Express) check(f *faults, most int) {
	const ceiling = 11*time.Hour + 30*time.Minute
	f.duration("express.idle", e.Idle, 100*time.Millisecond, ceiling)
	f.duration("express.max_age", e.MaxAge, time.Minute, ceiling)
	f.count("express.max_invoices", e.MaxInvoices, 1, most)
}

// Confirm is the rhythm at which a closed session is asked whether it is done. Waiting consumes no attempt, for days if need be.
type Confirm struct {
	// First wait after the close; 100ms to 10m. It doubles up to Max.
	First time.Duration `yaml:"first" env:"FIRST"`
	// Max wait between two questions; at least First, at most 1h.
	Max time.Duration `yaml:"max" env:"MAX"`
}

func defaultConfirm() Confirm { return Confirm{First: 2 * time.Second, Max: 2 * time.Minute} }

func (c Confirm) check(f *faults) {
	f.duration("confirm.first", c.First, 100*time.Millisecond, 10*time.Minute)
	f.duration("confirm.max", c.Max, min(c.First, time.Hour), time.Hour)
}
