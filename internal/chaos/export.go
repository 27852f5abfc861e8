package chaos

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// item is one invoice as the exporter knows it: what it is, and what has to become of it.
type item struct {
	nip, number, kind string
	hash              [32]byte
	bad               bool // KSeF, and only KSeF, refuses it
	lane              ledger.Lane
	doc               tasks.Document
	taken             time.Time // when it was said to be taken in
}

// delivery is what is handed in by one call.
type delivery struct {
	at    time.Duration // from the beginning of the run
	lane  ledger.Lane
	items []*item
}

// export is everything that is handed in during a run.
type export struct {
	items      []*item
	deliveries []delivery
	twice      int // handed in a second time
}

const (
	badOneIn     = 33 // three per cent
	expressOneIn = 8
	twiceOneIn   = 20
	mostAtOnce   = 40
)

// newExport draws the invoices, and when each is handed in.
func newExport(o Options, dice *rand.Rand, today string) *export {
	e := &export{}
	for i := range o.Invoices {
		so := sample.Options{SellerNIP: sample.NIP(dice.IntN(o.Tenants)), IssueDate: today, Seed: dice.Uint64(),
			Number: o.oddNumber(i, fmt.Sprintf("CHAOS/%d/%06d", o.Seed, i)), Lines: 1 + dice.IntN(6)}
		it := &item{nip: so.SellerNIP, number: so.Number, kind: "VAT", lane: ledger.Auto}
		var data []byte
		if dice.IntN(badOneIn) == 0 {
			it.bad = true
			flaw := sample.MissingTotal
			if dice.IntN(2) == 0 {
				flaw, it.kind = sample.UnknownKind, "PROFORMA"
			}
			data = sample.Bad(flaw, so)
		} else {
			data = sample.Invoice(so)
		}
		if dice.IntN(expressOneIn) == 0 {
			it.lane = ledger.Express
		}
		it.hash = sha256.Sum256(data)
		it.doc = tasks.Document{File: sample.FileName(so), Data: data}
		e.items = append(e.items, it)
	}
	for rest := e.items; len(rest) > 0; {
		n := min(1+dice.IntN(mostAtOnce), len(rest))
		at := o.Feed * time.Duration(len(e.items)-len(rest)) / time.Duration(len(e.items))
		byLane := map[ledger.Lane][]*item{}
		for _, it := range rest[:n] {
			byLane[it.lane] = append(byLane[it.lane], it)
			if dice.IntN(twiceOneIn) == 0 {
				e.twice++
				again := at + time.Duration(dice.Int64N(int64(o.Feed)))
				e.deliveries = append(e.deliveries, delivery{min(again, o.Feed), it.lane, []*item{it}})
			}
		}
		for _, lane := range []ledger.Lane{ledger.Auto, ledger.Express} {
			if len(byLane[lane]) > 0 {
				e.deliveries = append(e.deliveries, delivery{at, lane, byLane[lane]})
			}
		}
		rest = rest[n:]
	}
	return e
}
