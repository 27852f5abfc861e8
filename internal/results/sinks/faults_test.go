package sinks

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// A receiver takes, refuses or delays the results of each tenant at random. It is told each outcome
// at least once. The outcomes of one invoice come in their order.
func TestRun_ReceiverAnswersAnything_NothingIsLostAndOrderIsKept(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, 10_000)
			sick := map[string]int{} // tenant → how the receiver answers its results; "*" stands for all tenants
			last, told := map[string]int64{}, map[string]map[int64]bool{}
			s := &stub{answer: func(m *Message) error {
				switch {
				case sick["*"] == 2:
					return &OutageError{Unreached: true, Err: errors.New("not reached")}
				case sick["*"] == 1 || sick[m.Tenant] == 1:
					return out(0)
				case sick[m.Tenant] == 2:
					return errRefused
				case sick[m.Tenant] == 3 && rnd.IntN(2) == 0:
					return out(time.Duration(rnd.IntN(600)) * time.Second)
				case sick[m.Tenant] == 5:
					return out(time.Hour)
				case sick[m.Tenant] == 4 && rnd.IntN(2) == 0:
					return errors.New("answered 409")
				}
				if m.Revision < last[m.ID] {
					t.Errorf("%s: revision %d came after revision %d, want ascending revisions", m.ID, m.Revision, last[m.ID])
				}
				if last[m.ID] = m.Revision; told[m.ID] == nil {
					told[m.ID] = map[int64]bool{}
				}
				told[m.ID][m.Revision] = true
				return nil
			}}
			runners := [2]*Runner{w.runner(s), w.runner(s)} // two processes
			for _, r := range runners {
				r.Held, r.Batch = 15, 8
			}
			type one struct {
				id    string
				moves int
			}
			var all []*one
			for range 60 {
				for tenant := range 5 {
					sick[fmt.Sprint("t", tenant)] = rnd.IntN(7)
				}
				sick["*"] = rnd.IntN(5)
				for range rnd.IntN(25) {
					all = append(all, &one{id: w.rejectedOf(fmt.Sprint("t", rnd.IntN(5)), 1)[0], moves: 1})
				}
				for range 5 {
					if len(all) > 0 {
						o := all[rnd.IntN(len(all))]
						to := []ledger.State{ledger.Rejected, ledger.Parked}[rnd.IntN(2)]
						w.move(o.id, ledger.Queued, to)
						o.moves++
					}
				}
				w.run(runners[rnd.IntN(2)])
				w.pass(time.Duration(rnd.IntN(300)) * time.Second)
			}
			clear(sick)
			w.minutes(runners[0], 90)
			for _, o := range all {
				if len(told[o.id]) != o.moves {
					t.Errorf("%s had %d outcomes, and %d of them were told, want all", o.id, o.moves, len(told[o.id]))
				}
			}
			if held, failed := w.counts(); held+failed != 0 || len(w.standings()) != 0 || w.state().Lost != 0 || w.state().Outage != 0 {
				t.Errorf("%d results are held, %d given up; the standings are %v, the state %+v; want nothing left to tell",
					held, failed, w.standings(), w.state())
			}
		})
	}
}
