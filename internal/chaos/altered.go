package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
)

const (
	// alteredFor is how long an alteration lasts if it would delay invoices.
	alteredFor = 5 * time.Second
	// acceptedCode is KSeF's status of an accepted invoice.
	acceptedCode = 200
)

// alterations draws the altered answers of a partial fault. Until the end of the run, the entry of
// an accepted invoice may be missing or lack its number, because the receipt of the session proves
// what became of the invoice. A rejected invoice has no such proof. While the session's list lacks
// such an invoice, the worker asks again for half an hour, which is longer than a run. So the entry
// of a rejected invoice is altered only for alteredFor.
func (o Options) alterations(kind string, e *export, dice *rand.Rand) (all []simulator.Fault) {
	few := 2 + o.Invoices/100
	alter := func(f simulator.Fault) {
		f.Label = label + kind
		if f.Times == 0 {
			f.Times = few
		}
		if f.Number == "" {
			f.Probability = 0.1
		}
		all = append(all, f)
	}
	good := func() string {
		for {
			if it := e.items[dice.IntN(len(e.items))]; !it.bad {
				return testbed.NormalNumber(it.number)
			}
		}
	}
	switch kind {
	case Rewritten:
		for _, as := range []string{simulator.Doubled, simulator.NoBreak, simulator.Tabbed, simulator.TrailBlank} {
			alter(simulator.Fault{Kind: simulator.NumberRewritten, As: as})
		}
	case Missing:
		alter(simulator.Fault{Kind: simulator.ListOmit, On: "invoices", For: alteredFor})
		for range 2 {
			alter(simulator.Fault{Kind: simulator.ListOmit, On: "invoices", Number: good(), Code: acceptedCode})
		}
	case Unnamed:
		alter(simulator.Fault{Kind: simulator.Unnamed, For: alteredFor})
		for range 2 {
			alter(simulator.Fault{Kind: simulator.Unnamed, Number: good(), Code: acceptedCode})
		}
	case Undecodable:
		for _, as := range []string{simulator.NumericNumber, simulator.TextCode, simulator.SingleExtension, simulator.MappedExtension} {
			alter(simulator.Fault{Kind: simulator.Undecodable, As: as, For: alteredFor})
		}
		for _, as := range []string{simulator.OddDate, simulator.TextOrdinal} { // fields that are only shown and decide nothing
			alter(simulator.Fault{Kind: simulator.Undecodable, As: as})
		}
	case ShortReceipt:
		alter(simulator.Fault{Kind: simulator.ReceiptOmit, For: alteredFor})
	case SplitNumbers:
		alter(simulator.Fault{Kind: simulator.KsefNumberSplit})
	}
	return all
}

// oddNumber returns the P_2 of the i-th invoice. Some faults need a number of a certain form. White
// space can come back from KSeF in another form, and a number that consists of digits alone can
// come back as a JSON number.
func (o Options) oddNumber(i int, usual string) string {
	switch {
	case o.has(Rewritten) && i%8 == 1:
		return fmt.Sprintf("CHAOS %d %06d", o.Seed, i)
	case o.has(Rewritten) && i%8 == 3:
		return fmt.Sprintf("CHAOS  %d  %06d", o.Seed, i)
	case o.has(Rewritten) && i%8 == 5:
		return fmt.Sprintf("CHAOS\u00a0%d %06d", o.Seed, i)
	case o.has(Undecodable) && i%8 == 7:
		return fmt.Sprintf("%d%06d", 2026+o.Seed, i)
	}
	return usual
}
