package app

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/retry"
)

// localFaults are what keeps this process from working for a tenant while others can: its key_file
// cannot be read here. They are looked for anew each time, so a file that is put right is found at
// once, and nobody else is told of them: tasks go back for another worker to take. Safe for
// concurrent use.
type localFaults struct {
	keys  map[string]func() (string, error) // by tenant
	spell *spells
	log   zerolog.Logger

	mu     sync.Mutex
	second time.Time
	handed map[string]int // tasks handed over in that second, by tenant
}

func newLocalFaults(cfg config.Config, now func() time.Time, log zerolog.Logger) *localFaults {
	f := &localFaults{keys: map[string]func() (string, error){}, spell: newSpells(now), log: log, handed: map[string]int{}}
	for _, t := range cfg.Tenants {
		if !t.Paused {
			f.keys[t.Title()] = t.Key
		}
	}
	return f
}

// of tells what is wrong with a tenant here, in words that name the setting and never its content.
func (f *localFaults) of(tenant string) error {
	key, ok := f.keys[tenant]
	if !ok {
		return nil
	}
	_, err := key()
	if err != nil {
		err = fmt.Errorf("key_file of tenant %s cannot be used by this process: %w", tenant, err)
	}
	return err
}

// refuse returns what a task of a tenant comes to in this process: nil when there is no fault. It
// says so in the log.
func (f *localFaults) refuse(tenant string) error {
	err := f.look(tenant)
	if err == nil {
		return nil
	}
	return f.handOver(tenant, err)
}

// look tells what is wrong with a tenant here, and says in the log when that begins, goes on or ends.
func (f *localFaults) look(tenant string) error {
	err := f.of(tenant)
	if err == nil {
		if after, was := f.spell.over(tenant); was {
			f.log.Info().Str("tenant", tenant).Dur("after", after).Msg("key_file can be used again: this process works for the tenant")
		}
		return nil
	}
	if since, due := f.spell.goesOn(tenant); due {
		f.log.Error().Err(err).Str("tenant", tenant).Time("since", since).
			Msg("a fault of this process alone: it leaves the tenant's tasks to other workers; mend key_file, no restart is needed")
	}
	return err
}

// lookAtAll says at start what is wrong, before a task of the tenant comes by.
func (f *localFaults) lookAtAll() {
	for tenant := range f.keys {
		_ = f.look(tenant)
	}
}

// handOver leaves a task to another worker.
func (f *localFaults) handOver(tenant string, err error) error {
	return &retry.LaterError{Delay: f.delay(tenant), Reason: retry.ReasonLocal, What: "left to another worker", Err: err}
}

const (
	// handOversASecond is how many tasks of a tenant go back at once. It is more than KSeF lets a
	// tenant send, so a worker that is well finds all it can do.
	handOversASecond = 20
	// handOverLater is for the rest. A process that can do nothing has all its time for taking
	// tasks: without it it would go round and round with all that waits, and with a pool in which
	// nobody has the key it would be a storm at Redis.
	handOverLater = 30 * time.Second
)

func (f *localFaults) delay(tenant string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.spell.now().Truncate(time.Second); !now.Equal(f.second) {
		f.second = now
		clear(f.handed)
	}
	if f.handed[tenant]++; f.handed[tenant] > handOversASecond {
		return handOverLater
	}
	return retry.HandOver
}

var localFaultDesc = prometheus.NewDesc("ksef_local_fault",
	"1 when this process cannot work for the tenant because of its own key_file; others may.",
	[]string{"tenant"}, nil)

// Describe implements prometheus.Collector.
func (f *localFaults) Describe(ch chan<- *prometheus.Desc) { ch <- localFaultDesc }

// Collect implements prometheus.Collector.
func (f *localFaults) Collect(ch chan<- prometheus.Metric) {
	for tenant := range f.keys {
		ch <- prometheus.MustNewConstMetric(localFaultDesc, prometheus.GaugeValue, truth(f.of(tenant) != nil), tenant)
	}
}
