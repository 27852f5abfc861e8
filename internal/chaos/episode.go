package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// episode is a time in which one part fails.
type episode struct {
	kind  string        // name of the partial fault
	at    time.Duration // from the beginning of the run
	lasts time.Duration
	fault *simulator.Fault // nil when it is not the simulator that fails
	nip   string           // of the tenant that it concerns, "" for none
	lag   time.Duration    // of the replica before a failover
}

const (
	minEpisode, maxEpisode = 3 * time.Second, 10 * time.Second
	// maxLag is how long the replica lags at most before its master dies.
	maxLag = 500 * time.Millisecond
)

// drawEpisodes draws which part fails when. It also draws the altered answers. They have no time of
// their own, because the simulator gets them at the start. The dice here are separate from the dice
// of the run. So a seed gives the same invoices and the same disruptions with and without partial
// faults.
func drawEpisodes(o Options, e *export, dice *rand.Rand) (episodes []episode, alterations []simulator.Fault) {
	few := 1 + int(o.Feed/time.Minute)
	for _, kind := range PartialFaults() {
		// Each kind of fault has dice of its own, so the other kinds that are ordered do not change
		// how it strikes.
		draw := rand.New(rand.NewPCG(o.Seed, dice.Uint64()))
		if !o.has(kind) {
			continue
		}
		alterations = append(alterations, o.alterations(kind, e, draw)...)
		for range few {
			if drawn, ok := o.episode(kind, draw); ok {
				episodes = append(episodes, drawn)
			}
			if kind == NewerEntry || o.alone() {
				break
			}
		}
	}
	slices.SortStableFunc(episodes, func(a, b episode) int { return int(a.at - b.at) })
	return episodes, alterations
}

// episode draws one episode, or returns false when the fault has none. A fault that is ordered
// alone lasts through most of the run, so that a wait for its end is long enough to be noticed.
func (o Options) episode(kind string, dice *rand.Rand) (e episode, ok bool) {
	e = episode{kind: kind, lasts: min(minEpisode+time.Duration(dice.Int64N(int64(maxEpisode-minEpisode))), o.Feed/3)}
	e.at = time.Duration(dice.Int64N(int64(o.Feed - e.lasts)))
	if o.alone() {
		e.at, e.lasts = o.Feed/10, o.Feed*8/10
	}
	nip := sample.NIP(dice.IntN(o.Tenants))
	fault := func(kinds ...string) *simulator.Fault {
		f := &simulator.Fault{Kind: kinds[dice.IntN(len(kinds))], Lasting: e.lasts, Label: label + kind}
		if f.Kind == simulator.Status {
			f.Code = 502 + dice.IntN(2)
		}
		return f
	}
	switch kind {
	case Tenant5xx:
		e.nip, e.fault = nip, fault(simulator.Status)
		e.fault.NIP = nip
	case TenantHangs:
		e.nip, e.fault = nip, fault(simulator.Hang, simulator.Reset, simulator.HTML200)
		e.fault.NIP = nip
	case Operation5xx:
		e.fault = fault(simulator.Status)
		among := []string{"upo", "upo", "sessionStatus", "invoices", "openBatch", "close", "send", "openOnline", "publicKey"}
		e.fault.On = among[dice.IntN(len(among))]
		if o.alone() {
			e.fault.On = "upo" // this operation delays only receipts
		}
	case PartStore:
		e.fault = fault(simulator.Status, simulator.Hang, simulator.Reset)
		e.fault.On = "part"
	case OneSession:
		e.fault = fault(simulator.Status)
		e.fault.OneSession = true
		among := []string{"sessionStatus", "invoices", "upo"}
		e.fault.On = among[dice.IntN(len(among))]
		if o.alone() {
			e.fault.On = "sessionStatus" // comes first; the other operations depend on it
		}
	case KeylessWorker:
		e.nip = nip
	case Failover:
		e.lag = maxLag/5 + time.Duration(dice.Int64N(int64(maxLag*4/5)))
	case ArchiveHangs, NewerEntry:
	default:
		return e, false
	}
	return e, true
}

// String describes the episode in one line.
func (e episode) String() string {
	text := e.kind
	switch {
	case e.fault != nil && e.fault.On != "":
		text += fmt.Sprintf(" %s of %s for %v", e.fault.Kind, e.fault.On, e.lasts.Round(time.Millisecond))
	case e.fault != nil:
		text += fmt.Sprintf(" %s of %s for %v", e.fault.Kind, e.nip, e.lasts.Round(time.Millisecond))
	case e.kind == Failover:
		text += fmt.Sprintf(" after a lag of %v", e.lag.Round(time.Millisecond))
	case e.kind == KeylessWorker || e.kind == ArchiveHangs:
		text += fmt.Sprintf(" %s for %v", e.nip, e.lasts.Round(time.Millisecond))
	}
	return text
}
