package chaos

import (
	"math/rand/v2"
	"time"

	"ksefworker/internal/simulator"
)

// gust is one fault that is ordered of the simulator at a moment of the run.
type gust struct {
	at    time.Duration
	fault simulator.Fault
}

// Operations by what losing their answer means: those that change something, and those that only look.
var (
	acts  = []string{"openBatch", "part", "close", "send", "openOnline"}
	looks = []string{"publicKey", "sessionStatus", "invoices", "upo"}
)

// late is longer than the workers' patience with one request (4 s).
const late = 5 * time.Second

// kindsOfWeather are drawn alike; a kind that hurts more stands more often.
func kindsOfWeather() []func(*rand.Rand) simulator.Fault {
	on := func(kind string, among ...string) func(*rand.Rand) simulator.Fault {
		return func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: kind, On: among[d.IntN(len(among))], Times: 1 + d.IntN(2)}
		}
	}
	all := append(append([]string{}, acts...), looks...)
	return []func(*rand.Rand) simulator.Fault{
		on(simulator.DropAnswer, acts...), on(simulator.DropAnswer, acts...), on(simulator.DropAnswer, looks...),
		on(simulator.Error500, acts...), on(simulator.Error500, acts...), on(simulator.Error500, looks...),
		on(simulator.DropRequest, all...), on(simulator.Reset, all...),
		func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: simulator.Status, On: all[d.IntN(len(all))], Code: 502 + d.IntN(2), Times: 1 + d.IntN(3)}
		},
		on(simulator.HTML200, "part", "part", "close", "send", "sessionStatus"),
		func(d *rand.Rand) simulator.Fault {
			f := simulator.Fault{Kind: simulator.Slow, On: all[d.IntN(len(all))], For: time.Duration(200+d.IntN(2000)) * time.Millisecond}
			if d.IntN(4) == 0 {
				f.For = late
			}
			return f
		},
		func(d *rand.Rand) simulator.Fault {
			return simulator.Fault{Kind: simulator.SlowRequest, On: acts[d.IntN(len(acts))], For: late}
		},
		func(d *rand.Rand) simulator.Fault {
			groups := []string{"openBatch", "close", "send", "openOnline", "sessionStatus", "invoices", "upo"}
			return simulator.Fault{Kind: simulator.TooMany, On: groups[d.IntN(len(groups))], For: time.Duration(2+d.IntN(3)) * time.Second}
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
			f := simulator.Fault{Kind: simulator.Stuck, Lane: "batch", Code: []int{100, 150}[d.IntN(2)], For: time.Duration(2+d.IntN(4)) * time.Second}
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

// forecast draws the faults of a run.
func forecast(o Options, dice *rand.Rand) []gust {
	kinds := kindsOfWeather()
	out := make([]gust, 0, o.Faults)
	for i := range o.Faults {
		at := o.Feed * time.Duration(i+1) / time.Duration(o.Faults+1)
		out = append(out, gust{at, kinds[dice.IntN(len(kinds))](dice)})
	}
	return out
}
