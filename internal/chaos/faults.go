//go:build unix

package chaos

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

// timedFault is one fault that is ordered from the simulator at a moment of the run.
type timedFault struct {
	at    time.Duration // from the beginning of the run
	fault simulator.Fault
}

// The operations, by what a lost answer means. Writes may have changed something; reads change
// nothing.
var (
	writes = []string{"openBatch", "part", "close", "send", "openOnline"}
	reads  = []string{"publicKey", "sessionStatus", "invoices", "upo"}
)

const (
	// requestTimeout is how long the workers wait for one answer.
	requestTimeout = 4 * time.Second
	// tooLate is longer than requestTimeout.
	tooLate = 5 * time.Second
)

// faultKinds returns functions that each draw a fault of one kind. Every function is chosen with
// the same probability. A kind that does more harm has more than one function.
func faultKinds() []func(*rand.Rand) simulator.Fault {
	on := func(kind string, among ...string) func(*rand.Rand) simulator.Fault {
		return func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: kind, On: among[d.IntN(len(among))], Times: 1 + d.IntN(2)}
		}
	}
	all := append(append([]string{}, writes...), reads...)
	return []func(*rand.Rand) simulator.Fault{
		on(simulator.DropAnswer, writes...), on(simulator.DropAnswer, writes...), on(simulator.DropAnswer, reads...),
		on(simulator.Error500, writes...), on(simulator.Error500, writes...), on(simulator.Error500, reads...),
		on(simulator.DropRequest, all...), on(simulator.Reset, all...),
		func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: simulator.Status, On: all[d.IntN(len(all))], Code: 502 + d.IntN(2), Times: 1 + d.IntN(3)}
		},
		on(simulator.HTML200, "part", "part", "close", "send", "sessionStatus"),
		func(d *rand.Rand) simulator.Fault {
			f := simulator.Fault{Kind: simulator.Slow, On: all[d.IntN(len(all))]}
			f.For = time.Duration(200+d.IntN(2000)) * time.Millisecond
			if d.IntN(4) == 0 {
				f.For = tooLate
			}
			return f
		},
		func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: simulator.SlowRequest, On: writes[d.IntN(len(writes))], For: tooLate}
		},
		func(d *rand.Rand) simulator.Fault {
			groups := []string{"openBatch", "close", "send", "openOnline", "sessionStatus", "invoices", "upo"}
			on := groups[d.IntN(len(groups))]
			return simulator.Fault{Kind: simulator.TooMany, On: on, For: time.Duration(2+d.IntN(3)) * time.Second}
		},
		func(d *rand.Rand) simulator.Fault {
			codes := []int{405, 415, 430, 435, 500, 550}
			return simulator.Fault{Kind: simulator.SessionRefused, Lane: "batch", Code: codes[d.IntN(len(codes))]}
		},
		func(d *rand.Rand) simulator.Fault {
			codes := []int{415, 440, 445, 500}
			return simulator.Fault{Kind: simulator.SessionRefused, Lane: "online", Code: codes[d.IntN(len(codes))]}
		},
		func(d *rand.Rand) simulator.Fault {
			f := simulator.Fault{Kind: simulator.Stuck, Lane: "batch", Code: []int{100, 150}[d.IntN(2)]}
			f.For = time.Duration(2+d.IntN(4)) * time.Second
			if d.IntN(3) == 0 {
				f.Lane, f.Code = "online", 170
			}
			return f
		},
		on(simulator.OmitNumber, ""),
		on(simulator.KeyRotated, "openBatch", "openOnline"),
		func(d *rand.Rand) simulator.Fault {
			codes := []int{435, 500, 550}
			return simulator.Fault{Kind: simulator.InvoiceStatus, Code: codes[d.IntN(len(codes))], Times: 1 + d.IntN(2)}
		},
	}
}

// drawFaults draws the faults of a run.
func drawFaults(o Options, dice *rand.Rand) []timedFault {
	kinds := append(faultKinds(), o.directFaults()...)
	out := make([]timedFault, 0, o.Faults)
	for i := range o.Faults {
		at := o.Feed * time.Duration(i+1) / time.Duration(o.Faults+1)
		out = append(out, timedFault{at, kinds[dice.IntN(len(kinds))](dice)})
	}
	return out
}

// injectFaults orders each fault at its moment or later. Faults that have not struck yet must not
// accumulate behind an outage. Otherwise the first requests after the outage would meet them all,
// and the circuit would open for twice as long each time.
func (ds *disruptor) injectFaults(ctx context.Context, faults []timedFault) error {
	const maxWaiting, giveUpAfter = 12, 20 * time.Second
	ordered := 0
	for _, f := range faults {
		if err := ds.until(ctx, f.at); err != nil {
			return err
		}
		for ordered-ds.faultsStruck() > maxWaiting {
			if time.Since(ds.began) > ds.o.Feed+giveUpAfter {
				return nil
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		ordered += max(1, f.fault.Times)
		if err := ds.bed.Simulator.Inject(f.fault); err != nil {
			return err
		}
	}
	return nil
}

// faultsStruck counts how often the faults of the run have struck, partial faults excepted.
func (r *run) faultsStruck() int {
	n := 0
	for kind, times := range r.bed.Simulator.Books().Faults {
		if !strings.HasPrefix(kind, label) {
			n += times
		}
	}
	return n
}
