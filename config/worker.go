package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Validation says how thoroughly an invoice is checked before it costs a request. The checks of the
// schema and of KSeF's own rules are always on.
type Validation struct {
	// SchemaDir has no effect, because the schemas of FA(3) and FA(2) are built in. Earlier
	// versions read the Ministry's files from this folder. Load warns when it is set.
	SchemaDir string `yaml:"schema_dir" env:"SCHEMA_DIR"`
	// AllowFA2 accepts FA(2) documents too. Not allowed with the environments production and demo,
	// which accept only FA(3).
	AllowFA2 bool `yaml:"allow_fa2" env:"ALLOW_FA2"`
	// DiscouragedCharacters says how to treat an invoice with discouraged Unicode characters:
	// refuse or warn. Empty means what KSeF does: warn in production and demo, refuse elsewhere.
	DiscouragedCharacters string `yaml:"discouraged_characters" env:"DISCOURAGED_CHARACTERS"`
	// NIPCheckDigits says whether to verify the check digit of every NIP: check or skip. Empty
	// means what KSeF does: skip in the environment test, where NIPs are invented, and check
	// elsewhere.
	NIPCheckDigits string `yaml:"nip_check_digits" env:"NIP_CHECK_DIGITS"`
}

// AllowsDiscouraged reports whether an invoice with discouraged characters is accepted, with a
// warning.
func (c Config) AllowsDiscouraged() bool {
	return c.Validation.DiscouragedCharacters == "warn" || c.Validation.DiscouragedCharacters == "" && c.strict()
}

// strict reports whether KSeF applies the rules of production in this environment.
func (c Config) strict() bool { return c.Environment == Production || c.Environment == Demo }

// ChecksNIPs reports whether the check digits of NIPs are verified.
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
	if v.AllowFA2 && (e == Production || e == Demo) {
		f.add("validation.allow_fa2", true, fmt.Errorf("must be false: %s accepts only FA(3)", e))
	}
}

// Worker is one process of the pool.
type Worker struct {
	// Concurrency is how many tasks run at once in this process; 1 to 1000. All workers of the pool
	// share the limits of KSeF, so a higher number does not help once they are reached.
	Concurrency int `yaml:"concurrency" env:"CONCURRENCY"`
	// ShutdownTimeout is how long running tasks may take after SIGTERM; 1s to 10m. Closing the last
	// sessions, or a Redis that does not answer, may take five seconds more. The timeout of the
	// supervisor (stop_grace_period, terminationGracePeriodSeconds) must be longer than
	// ShutdownTimeout and these five seconds together.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout" env:"SHUTDOWN_TIMEOUT"`
	// DeadAfter is how long a process without heartbeat counts as alive; 3s to 10m. After that,
	// others close its online sessions.
	DeadAfter time.Duration `yaml:"dead_after" env:"DEAD_AFTER"`
	// ID begins the name of this process in logs and leases; empty means the host name. A random
	// suffix always follows.
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
	// Level is the lowest level that is written: trace, debug, info, warn or error.
	Level string `yaml:"level" env:"LEVEL"`
	// Format is json, with one object per line, or console, for people.
	Format string `yaml:"format" env:"FORMAT"`
}

func (l Log) check(f *faults) {
	f.oneOf("log.level", l.Level, "trace", "debug", "info", "warn", "error")
	f.oneOf("log.format", l.Format, "json", "console")
}

// Deadlines says when an invoice is reported as at risk.
type Deadlines struct {
	// Warn is how long before its legal deadline an invoice that is not in KSeF yet counts as at
	// risk; 0 to 168h. Warn affects only what is shown, for example by status, metrics and
	// readiness. packages.urgent_within decides what the pool does about a near deadline.
	Warn time.Duration `yaml:"warn" env:"WARN"`
}

func defaultDeadlines() Deadlines { return Deadlines{Warn: 4 * time.Hour} }

// Sweep is for the periodic task that finds unfinished entries without a live task and queues them
// again.
type Sweep struct {
	// Every is the interval between two sweeps of the pool; 100ms to 1h.
	Every time.Duration `yaml:"every" env:"EVERY"`
	// After is how long an entry must stay unchanged before the sweep checks it; 1s to 1h. A value
	// below the duration of a step costs extra checks but is still correct.
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
