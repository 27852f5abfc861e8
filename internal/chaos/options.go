package chaos

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Options configure one run. Zero fields mean the default.
type Options struct {
	// Worker is the path of the worker program, which runs many times. Required.
	Worker string
	// Enqueue is the path of the command line, which watches a folder. Required.
	Enqueue string
	// Dir holds everything that the run makes, such as data of Redis, archive and logs. Required;
	// it must be empty.
	Dir string

	Seed     uint64
	Invoices int           // good and bad together; default 2000
	Tenants  int           // default 4; every second one goes straight to KSeF
	Workers  int           // processes; default 4
	Feed     time.Duration // how long invoices are handed in and disruptions happen; default 90 s
	Patience time.Duration // how long a run may take after the last invoice was handed in; default 10 min

	// Faults is the number of faults of the simulator: -1 means none, 0 means one for every ten
	// invoices.
	Faults int
	// Disruptions are the disruptions of processes. The zero value is none.
	Disruptions Disruptions
	// Partial names the partial faults; nil for none. Archive-hangs and failover change the set-up
	// of the run, so only some seeds have them, unless one of them is the only name in the list.
	Partial []string
	// ExpireLeases takes the lease of every running task away right after a worker was killed or
	// paused. So asynq gives the worker's tasks to the next worker that starts, or to any worker
	// within a minute, and the run is short. Without ExpireLeases, the leases have to run out
	// first.
	ExpireLeases bool

	// Out gets a line for each disruption; nil for none.
	Out io.Writer
}

// Disruptions says how often each kind of disruption happens in a run.
type Disruptions struct {
	Kills         int           // SIGKILL of a worker, which is started again a moment later
	Stops         int           // SIGTERM of a worker, which is started again
	Pauses        int           // SIGSTOP of a worker for Pause
	Pause         time.Duration // longer than worker.dead_after, which is 3 s here; default 6 s
	LongPauses    int           // SIGSTOP for 35 s, longer than asynq's lease of 30 s
	RedisKills    int           // SIGKILL of Redis, away for up to two seconds
	RedisStops    int           // graceful restart of Redis
	ExpiredLeases int           // the leases of all running tasks taken away: each task may run twice at the same time
}

// Times multiplies every number, but not the length of the pauses.
func (d Disruptions) Times(n int) Disruptions {
	for _, v := range []*int{&d.Kills, &d.Stops, &d.Pauses, &d.LongPauses, &d.RedisKills, &d.RedisStops, &d.ExpiredLeases} {
		*v *= n
	}
	return d
}

func (d Disruptions) none() bool {
	return d.Kills+d.Stops+d.Pauses+d.LongPauses+d.RedisKills+d.RedisStops+d.ExpiredLeases == 0
}

// calm reports whether partial faults are all that can go wrong in the run.
func (o Options) calm() bool { return o.Faults == 0 && o.Disruptions.none() }

// scale turns an hour of KSeF's limits into a minute, for the simulator and the workers alike.
const scale = 60

func (o Options) withDefaults() (Options, error) {
	var errs []error
	if o.Worker == "" || o.Enqueue == "" || o.Dir == "" {
		errs = append(errs, errors.New("worker, enqueue and dir are required"))
	}
	fill := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&o.Invoices, 2000)
	fill(&o.Tenants, 4)
	fill(&o.Workers, 4)
	fill(&o.Faults, o.Invoices/10)
	o.Faults = max(o.Faults, 0)
	if o.Feed == 0 {
		o.Feed = 90 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.Disruptions.Pause == 0 {
		o.Disruptions.Pause = 6 * time.Second
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
