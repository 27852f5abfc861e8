package chaos

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Options of one run. Zero fields mean the default.
type Options struct {
	// Worker is the program that is run, many times. Required.
	Worker string
	// Dir holds everything that the run makes: data of Redis, archive, logs. Required; it must be empty.
	Dir string

	Seed     uint64
	Invoices int           // good and bad together; 2000
	Tenants  int           // 3
	Workers  int           // processes; 4
	Feed     time.Duration // over which the invoices are handed in, and the blows fall; 90 s
	Patience time.Duration // after the last invoice was handed in; 10 min

	// Faults of the simulator; -1 for none, 0 for one to ten invoices.
	Faults int
	// Blows against processes. The zero value is none.
	Blows Blows
	// Partial names the partial faults; nil for none. Archive-hangs and failover, which change what the whole run stands
	// on, are shared out among the seeds unless one stands alone in the list.
	Partial []string
	// Lapse takes every running task's lease away right after a worker was killed, as if asynq's minute and a half had passed. It makes a run short; without
	// it, orphaned tasks come back when they really do.
	Lapse bool

	// Out gets a line for each blow; nil for none.
	Out io.Writer
}

// Blows says how often each one falls in a run.
type Blows struct {
	Kills      int           // SIGKILL of a worker, started again a moment later
	Stops      int           // SIGTERM of a worker, started again
	Pauses     int           // SIGSTOP of a worker for Pause
	Pause      time.Duration // longer than worker.dead_after, which is 3 s here
	LongPauses int           // SIGSTOP for 35 s, beyond asynq's lease of 30 s
	RedisKills int           // SIGKILL of Redis, away for a second or two
	RedisStops int           // Redis shut down in order and started again
	Lapses     int           // the leases of all running tasks taken away: each runs twice at the same time
}

// Times multiplies every blow but the pauses' length.
func (b Blows) Times(n int) Blows {
	for _, v := range []*int{&b.Kills, &b.Stops, &b.Pauses, &b.LongPauses, &b.RedisKills, &b.RedisStops, &b.Lapses} {
		*v *= n
	}
	return b
}

func (b Blows) none() bool {
	return b.Kills+b.Stops+b.Pauses+b.LongPauses+b.RedisKills+b.RedisStops+b.Lapses == 0
}

// scale makes an hour of KSeF's a minute, for the simulator and the workers alike.
const scale = 60

func (o Options) withDefaults() (Options, error) {
	var errs []error
	if o.Worker == "" || o.Dir == "" {
		errs = append(errs, errors.New("worker and dir are required"))
	}
	fill := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&o.Invoices, 2000)
	fill(&o.Tenants, 3)
	fill(&o.Workers, 4)
	fill(&o.Faults, o.Invoices/10)
	o.Faults = max(o.Faults, 0)
	if o.Feed == 0 {
		o.Feed = 90 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.Blows.Pause == 0 {
		o.Blows.Pause = 6 * time.Second
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Invoices < 0 || o.Tenants < 1 || o.Workers < 1 {
		errs = append(errs, fmt.Errorf("%d invoices of %d tenants through %d workers make no run", o.Invoices, o.Tenants, o.Workers))
	}
	for _, name := range o.Partial {
		if !slices.Contains(PartialFaults(), name) {
			errs = append(errs, fmt.Errorf("there is no partial fault %q", name))
		}
	}
	return o, errors.Join(errs...)
}
