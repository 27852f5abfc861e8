package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Validation is how far an invoice is checked before a request is spent on it. The checks of KSeF's own rules are always on.
type Validation struct {
	// SchemaDir holds the Ministry's XSD files (make schemas); empty means no XSD validation.
	SchemaDir string `yaml:"schema_dir" env:"SCHEMA_DIR"`
	// AllowFA2 takes FA(2) documents too. Production takes FA(3) alone, so not with environment production.
	AllowFA2 bool `yaml:"allow_fa2" env:"ALLOW_FA2"`
	// DiscouragedCharacters is refuse or warn: what becomes of an invoice with discouraged Unicode
	// characters. Empty is KSeF's own way: warn in production, refuse elsewhere.
	DiscouragedCharacters string `yaml:"discouraged_characters" env:"DISCOURAGED_CHARACTERS"`
	// NIPCheckDigits is check or skip: whether the check digit of every NIP is looked at. Empty is
	// KSeF's own way: skip with environment test, whose numbers are invented, check elsewhere.
	NIPCheckDigits string `yaml:"nip_check_digits" env:"NIP_CHECK_DIGITS"`
}

// TakesDiscouraged reports whether an invoice with discouraged characters is taken, with a warning.
func (c Config) TakesDiscouraged() bool {
	return c.Validation.DiscouragedCharacters == "warn" || c.Validation.DiscouragedCharacters == "" && c.Environment == Production
}

// ChecksNIPs reports whether the check digits of NIPs are looked at.
func (c Config) ChecksNIPs() bool {
	return c.Validation.NIPCheckDigits == "check" || c.Validation.NIPCheckDigits == "" && c.Environment != Test
}

func (v Validation) check(f *faults, e Environment) {
	if v.DiscouragedCharacters != "" {
		f.oneOf("validation.discouraged_characters", v.DiscouragedCharacters, "refuse", "warn")
	}
	if v.NIPCheckDigits != "" {
		f.oneOf("validation.nip_check_digits", v.NIPCheckDigits, "check", "skip")
	}
	if v.AllowFA2 && e == Production {
		f.add("validation.allow_fa2", true, errors.New("production takes FA(3) only"))
	}
}

// Worker is one process of the pool.
type Worker struct {
	// Concurrency is how many tasks run at once in this process; 1 to 1000. Limits are shared by the pool, so more is not faster beyond them.
	Concurrency int `yaml:"concurrency" env:"CONCURRENCY"`
	// ShutdownTimeout is how long running tasks may take after SIGTERM; 1s to 10m. Closing the last sessions, or a Redis that does not answer, may take five seconds more; the
	// supervisor's own patience (stop_grace_period, terminationGracePeriodSeconds) must be longer than both.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout" env:"SHUTDOWN_TIMEOUT"`
	// DeadAfter is how long a process that says nothing is taken for alive; 3s to 10m. Then others close its online sessions.
	DeadAfter time.Duration `yaml:"dead_after" env:"DEAD_AFTER"`
	// ID of this process in logs and leases, unique in the pool; empty means host name and a random suffix, which is what scaled
	// containers need.
	ID string `yaml:"id" env:"ID"`
}

func defaultWorker() Worker {
	return Worker{Concurrency: 16, ShutdownTimeout: 30 * time.Second, DeadAfter: 30 * time.Second}
}

func (w Worker) check(f *faults) {
	f.count("worker.concurrency", w.Concurrency, 1, 1000)
	f.duration("worker.shutdown_timeout", w.ShutdownTimeout, time.Second, 10*time.Minute)
	f.duration("worker.dead_after", w.DeadAfter, 3*time.Second, 10*time.Minute)
	if len(w.ID) > 64 || strings.ContainsAny(w.ID, ": \t\r\n") {
		f.add("worker.id", w.ID, errors.New("must be at most 64 characters without blanks and colons"))
	}
	f.printable("worker.id", w.ID)
}

// Log is what the process writes to standard error.
type Log struct {
	// Level is trace, debug, info, warn or error: the least that is written.
	Level string `yaml:"level" env:"LEVEL"`
	// Format is json, one object a line, or console, for people.
	Format string `yaml:"format" env:"FORMAT"`
}

func (l Log) check(f *faults) {
	f.oneOf("log.level", l.Level, "trace", "debug", "info", "warn", "error")
	f.oneOf("log.format", l.Format, "json", "console")
}

// Deadlines is when the pool begins to worry.
type Deadlines struct {
	// Warn is how long before its legal deadline an invoice that KSeF does not have counts as at risk; 0 to 168h. It is for status, metrics and
	// readiness alone: what the pool does about a near deadline is packages.urgent_within.
	Warn time.Duration `yaml:"warn" env:"WARN"`
}

func defaultDeadlines() Deadlines { return Deadlines{Warn: 4 * time.Hour} }

// Sweep is the round that finds what is not final and has no live task, and drives it on.
type Sweep struct {
	// Every is the pause between two rounds of the pool; 100ms to 1h.
	Every time.Duration `yaml:"every" env:"EVERY"`
	// After is how long something must have stood still before the round looks at it; 1s to 1h. Less than a step takes costs looks, never
	// correctness.
	After time.Duration `yaml:"after" env:"AFTER"`
}

func defaultSweep() Sweep { return Sweep{Every: time.Minute, After: time.Minute} }

func (s Sweep) check(f *faults) {
	f.duration("sweep.every", s.Every, 100*time.Millisecond, time.Hour)
	f.duration("sweep.after", s.After, time.Second, time.Hour)
}

func (f *faults) oneOf(field, value string, known ...string) {
	if !slices.Contains(known, value) {
		f.add(field, value, errors.New("must be one of "+strings.Join(known, ", ")))
	}
}
