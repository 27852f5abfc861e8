package chaos

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
)

// item is one invoice as the exporter knows it, with what must become of it.
type item struct {
	nip, number, kind string
	hash              [32]byte
	bad               bool // it has a flaw: the watched folder refuses it; Admit takes it, and then KSeF rejects it
	lane              ledger.Lane
	doc               intake.Document
	taken             time.Time // when intake first said that it was taken; zero when it came through the folder
	refused           bool      // it is bad and came through the folder, which refuses it
}

func (it *item) invoice() testbed.Invoice { return testbed.InvoiceOf(it.nip, it.kind, it.number) }

// delivery is a list of invoices that are handed in by one call.
type delivery struct {
	at    time.Duration // from the beginning of the run
	lane  ledger.Lane
	items []*item
}

// export is everything that is handed in during a run.
type export struct {
	items      []*item
	deliveries []delivery // by time
	drops      []drop     // by time
	repeated   int        // invoices that are handed in a second time
}

const (
	oneInBad      = 33 // three per cent
	oneInExpress  = 8
	oneInRepeated = 20
	maxDelivery   = 40 // invoices
)

// newExport draws the invoices and the moments at which they are handed in.
func newExport(o Options, dice *rand.Rand, today string) *export {
	e := &export{}
	for i := range o.Invoices {
		so := sample.Options{
			SellerNIP: sample.NIP(dice.IntN(o.Tenants)), IssueDate: today, Seed: dice.Uint64(),
			Number: o.oddNumber(i, fmt.Sprintf("CHAOS/%d/%06d", o.Seed, i)), Lines: 1 + dice.IntN(6),
		}
		it := &item{nip: so.SellerNIP, number: so.Number, kind: "VAT", lane: ledger.Auto}
		var data []byte
		if dice.IntN(oneInBad) == 0 {
			it.bad = true
			flaw := sample.MissingTotal
			if dice.IntN(2) == 0 {
				flaw, it.kind = sample.UnknownKind, "PROFORMA"
			}
			data = sample.Bad(flaw, so)
		} else {
			data = sample.Invoice(so)
		}
		if dice.IntN(oneInExpress) == 0 {
			it.lane = ledger.Express
		}
		it.hash = sha256.Sum256(data)
		it.doc = intake.Document{File: sample.FileName(so), Data: data}
		e.items = append(e.items, it)
	}
	for rest := e.items; len(rest) > 0; {
		n := min(1+dice.IntN(maxDelivery), len(rest))
		at := o.Feed * time.Duration(len(e.items)-len(rest)) / time.Duration(len(e.items))
		byLane := map[ledger.Lane][]*item{}
		for _, it := range rest[:n] {
			byLane[it.lane] = append(byLane[it.lane], it)
			if dice.IntN(oneInRepeated) == 0 {
				e.repeated++
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
	slices.SortStableFunc(e.deliveries, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
	return e
}
