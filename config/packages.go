package config

import (
	"cmp"
	"os"
	"path/filepath"
	"time"

	"ksefworker/internal/ksef/numbers"
)

// Packages says when the bulk lane cuts the waiting invoices of a tenant into a package, and how a
// package is uploaded. The first bound that is reached causes the cut.
type Packages struct {
	// MaxWait is how long the oldest invoice waits for others; 0 to 24h, 0 means no wait. The wait
	// is shorter when no more invoices arrive and no package of the tenant is on its way. It is
	// longer when too few sessions are left to cut a package now.
	MaxWait time.Duration `yaml:"max_wait" env:"MAX_WAIT"`
	// UrgentWithin is how long before its legal deadline an invoice counts as urgent; 0 to 24h.
	// Urgent invoices go first, and a set that contains one waits a quarter of MaxWait. The hourly
	// limit of sessions applies to them, too. Reporting of invoices at risk has a setting of its
	// own, deadlines.warn.
	UrgentWithin time.Duration `yaml:"urgent_within" env:"URGENT_WITHIN"`
	// MaxInvoices is the maximum number of invoices in one package. It is at least 1, and at most
	// the largest number that a session of any tenant may have (10,000, unless max_session_invoices
	// says otherwise). While sessions are scarce, a package may have twice as many, but never more
	// than its own tenant allows.
	MaxInvoices int `yaml:"max_invoices" env:"MAX_INVOICES"`
	// MaxSize is the maximum sum of the uncompressed XML in one package; 1kB to 5GB. It is lowered
	// to 50 parts of PartSize, because KSeF allows no more parts.
	MaxSize Size `yaml:"max_size" env:"MAX_SIZE"`
	// PartSize is the size of the parts into which a package is cut before encryption; 1kB to
	// 100MB.
	PartSize Size `yaml:"part_size" env:"PART_SIZE"`
	// Format is the form of a package, zip or tar.gz. "" is zip, the only form that the gateway
	// takes. tenants[].package_format sets it for one tenant.
	Format PackageFormat `yaml:"format" env:"FORMAT"`
	// ExpressBelow is a number of waiting invoices. When fewer invoices wait, they go one by one by
	// the express lane, if its limits allow. 0 or 1 means never.
	ExpressBelow int `yaml:"express_below" env:"EXPRESS_BELOW"`
	// Quiet is the time without a new invoice after which the waiting invoices are sent; 0 to 24h,
	// 0 means at once. A few are sent by the express lane. More are sent in a package, unless
	// another package of the tenant is on its way. Invoices that still wait for the worker count as
	// arriving. Quiet is lowered to MaxWait.
	Quiet time.Duration `yaml:"quiet" env:"QUIET"`
	// SpoolDir holds encrypted parts until they are uploaded; empty means a folder in the temporary
	// folder of the system.
	SpoolDir string `yaml:"spool_dir" env:"SPOOL_DIR"`
	// ParallelUploads is how many parts of one package are uploaded at the same time; 1 to 50.
	ParallelUploads int `yaml:"parallel_uploads" env:"PARALLEL_UPLOADS"`
	// Refusals is how many sessions of a package KSeF may refuse as a whole before the package is
	// halved to find the invoice at fault; 1 to 20. While no other package of the tenant goes
	// through, KSeF itself may be the cause. So the package is then sent again instead, after
	// growing pauses.
	Refusals int `yaml:"refusals" env:"REFUSALS"`
}

// Spool returns SpoolDir, or its default in the system's temporary folder.
func (p Packages) Spool() string {
	return cmp.Or(p.SpoolDir, filepath.Join(os.TempDir(), "ksefworker-spool"))
}

func defaultPackages() Packages {
	return Packages{
		MaxWait: 2 * time.Minute, UrgentWithin: 4 * time.Hour, MaxInvoices: 5000, MaxSize: GB, PartSize: numbers.GatewayPartSize,
		Format: ZIPPackage, ExpressBelow: 5, Quiet: 2 * time.Second, ParallelUploads: 4, Refusals: 3,
	}
}

// clamp lowers two settings to what other settings allow. It reports no fault, because an operator
// who lowers max_wait to a second should not have to know quiet.
func (p *Packages) clamp() {
	p.Quiet = min(p.Quiet, p.MaxWait)
	p.MaxSize = min(p.MaxSize, p.PartSize*numbers.MaxBatchParts)
}

// lowerToSessions lowers packages.max_invoices and express.max_invoices, where they have their
// defaults, to what the tenants' sessions take. So a configuration that sets only
// max_session_invoices need not set these two as well. A value other than the default is not
// lowered, and is checked as it is.
func lowerToSessions(c *Config) {
	most := c.maxSessionInvoices()
	if d := defaultPackages().MaxInvoices; c.Packages.MaxInvoices == d {
		c.Packages.MaxInvoices = min(d, most)
	}
	if d := numbers.MaxSessionInvoices; c.Express.MaxInvoices == d {
		c.Express.MaxInvoices = min(d, most)
	}
}

func (p Packages) check(f *faults, maxInvoices int) {
	f.duration("packages.max_wait", p.MaxWait, 0, 24*time.Hour)
	f.duration("packages.urgent_within", p.UrgentWithin, 0, 24*time.Hour)
	f.count("packages.max_invoices", p.MaxInvoices, 1, maxInvoices)
	f.size("packages.part_size", p.PartSize, KB, numbers.MaxPartSize)
	f.size("packages.max_size", p.MaxSize, KB, numbers.MaxBatchSize)
	f.count("packages.express_below", p.ExpressBelow, 0, numbers.MaxSessionInvoices)
	f.duration("packages.quiet", p.Quiet, 0, 24*time.Hour)
	f.count("packages.parallel_uploads", p.ParallelUploads, 1, numbers.MaxBatchParts)
	f.count("packages.refusals", p.Refusals, 1, 20)
}

// Express describes the online session that a worker keeps open for a tenant.
type Express struct {
	// Idle closes a session that has sent nothing for this time; 100ms to 11h30m. KSeF issues
	// receipts only after the close.
	Idle time.Duration `yaml:"idle" env:"IDLE"`
	// MaxAge closes a session of this age even when it is busy; 1m to 11h30m. KSeF itself closes it
	// at 12h.
	MaxAge time.Duration `yaml:"max_age" env:"MAX_AGE"`
	// MaxInvoices is the maximum number of invoices in one session, with the same bounds as
	// [Packages.MaxInvoices]. A session never has more invoices than its own tenant allows.
	MaxInvoices int `yaml:"max_invoices" env:"MAX_INVOICES"`
}

func defaultExpress() Express {
	return Express{Idle: 30 * time.Second, MaxAge: 11 * time.Hour, MaxInvoices: numbers.MaxSessionInvoices}
}

func (e Express) check(f *faults, maxInvoices int) {
	const ceiling = numbers.OnlineSessionLife - 30*time.Minute
	f.duration("express.idle", e.Idle, 100*time.Millisecond, ceiling)
	f.duration("express.max_age", e.MaxAge, time.Minute, ceiling)
	f.count("express.max_invoices", e.MaxInvoices, 1, maxInvoices)
}

// Confirm says how often a closed session is polled. Waiting for KSeF consumes no attempt, even for
// days.
type Confirm struct {
	// First is the wait between the close and the first poll, and the shortest wait between two
	// polls; 100ms to 10m. Later waits are a quarter of the time since the close, up to Max.
	First time.Duration `yaml:"first" env:"FIRST"`
	// Max is the maximum wait between two polls; at least First, at most 1h. When many sessions
	// share the requests that are left, each waits for its turn, however long that takes.
	Max time.Duration `yaml:"max" env:"MAX"`
}

func defaultConfirm() Confirm { return Confirm{First: time.Second, Max: 2 * time.Minute} }

func (c Confirm) check(f *faults) {
	f.duration("confirm.first", c.First, 100*time.Millisecond, 10*time.Minute)
	f.duration("confirm.max", c.Max, min(c.First, time.Hour), time.Hour)
}
