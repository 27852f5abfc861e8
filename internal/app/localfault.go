package app

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/retry"
)

// localFaults are faults that stop only this process from working for a tenant, because it cannot
// use the files with the tenant's credentials. The files are checked each time, so that a
// correction takes effect at once. The pool is not told, and tasks go back to the queue for another
// worker. Safe for concurrent use.
type localFaults struct {
	credentials map[string]*connect.Credentials // by tenant
	files       map[string]string               // by tenant: the settings of its credential files
	most        int                             // with more tenants than this, metrics name only those with a fault
	spell       *spells
	log         zerolog.Logger

	mu   sync.Mutex
	next map[string]time.Time // by tenant: when the task that was handed over last may run again
}

func newLocalFaults(cfg config.Config, now func() time.Time, log zerolog.Logger) *localFaults {
	f := &localFaults{most: cfg.HTTP.TenantSeries, credentials: map[string]*connect.Credentials{}, files: map[string]string{},
		spell: newSpells(now), log: log, next: map[string]time.Time{}}
	for _, t := range cfg.Tenants {
		if !t.Paused {
			f.credentials[t.Title()] = connect.NewCredentials(t, now)
			f.files[t.Title()] = settingsOf(t)
		}
	}
	return f
}

// settingsOf returns the names of the settings of the files with a tenant's credentials, such as
// "key_file".
func settingsOf(t config.Tenant) string {
	var names []string
	for _, f := range t.SecretFiles() {
		names = append(names, f.Key)
	}
	return strings.Join(names, ", ")
}

// of returns the fault of a tenant in this process; nil when there is none. The text names the
// setting and never the content of the file.
func (f *localFaults) of(tenant string) error {
	c, ok := f.credentials[tenant]
	if !ok {
		return nil
	}
	err := c.Fault()
	if err != nil {
		err = fmt.Errorf("%s of tenant %s cannot be used by this process: %w", f.files[tenant], tenant, err)
	}
	return err
}

// refuse returns nil when this process can work for the tenant, and otherwise the error that leaves
// the task to another worker. It logs the fault.
func (f *localFaults) refuse(tenant string) error {
	err := f.check(tenant)
	if err == nil {
		return nil
	}
	return f.handOver(tenant, err)
}

// check returns the fault of a tenant in this process, and logs when it begins, goes on or ends.
func (f *localFaults) check(tenant string) error {
	err := f.of(tenant)
	if err == nil {
		if after, was := f.spell.over(tenant); was {
			f.log.Info().Str("tenant", tenant).Stringer("after", after.Round(time.Millisecond)).Msg(f.files[tenant] +
				" can be used again: this process works for the tenant")
		}
		return nil
	}
	if since, due := f.spell.goesOn(tenant); due {
		f.log.Error().Err(err).Str("tenant", tenant).Time("since", since).
			Msg("a fault of this process alone: it leaves the tenant's tasks to other workers; correct " + f.files[tenant] +
				", no restart is needed")
	}
	return err
}

// checkAll logs the faults at start, before a task of the tenant comes.
func (f *localFaults) checkAll() {
	for tenant := range f.credentials {
		_ = f.check(tenant)
	}
}

// handOver returns the error that leaves a task to another worker.
func (f *localFaults) handOver(tenant string, err error) error {
	return &retry.LaterError{Delay: f.delay(tenant), Reason: retry.ReasonLocal, What: "left to another worker", Err: err}
}

const (
	// handOversASecond is how many tasks of a tenant this process hands over in a second. It is
	// more than KSeF lets a tenant send, so a worker without the fault stays busy. A process with
	// the fault ends its tasks at once and takes the next. Without this limit it would take every
	// waiting task again and again, and a pool in which no process has the key would overload
	// Redis.
	handOversASecond = 20
	// handOverAtMost is the longest delay of a task, however many tasks are handed over.
	handOverAtMost = 30 * time.Second
)

// delay returns how long it takes until a task that is handed over may run again. The tasks of a
// tenant come back one after another, so each waits only for those that were handed over before it.
func (f *localFaults) delay(tenant string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.spell.now()
	next := f.next[tenant].Add(time.Second / handOversASecond)
	if next.Before(now) || next.After(now.Add(2*handOverAtMost)) { // no task waits, or the clock was set back
		next = now
	}
	if latest := now.Add(handOverAtMost); next.After(latest) {
		next = latest
	}
	f.next[tenant] = next
	if wait := next.Sub(now); wait > time.Second {
		return wait
	}
	return retry.HandOver
}

var localFaultDesc = prometheus.NewDesc("ksef_local_fault",
	"1 when this process cannot work for the tenant because it cannot use the files with its credentials; other processes may. "+
		"With more tenants than http.tenant_series, only tenants with a fault have a series.",
	[]string{"tenant"}, nil)

// Describe implements prometheus.Collector.
func (f *localFaults) Describe(ch chan<- *prometheus.Desc) { ch <- localFaultDesc }

// Collect implements prometheus.Collector.
func (f *localFaults) Collect(ch chan<- prometheus.Metric) {
	for tenant := range f.credentials {
		if fault := f.of(tenant) != nil; fault || len(f.credentials) <= f.most {
			gauge(ch, localFaultDesc, boolValue(fault), tenant)
		}
	}
}
