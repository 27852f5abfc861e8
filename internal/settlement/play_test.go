package settlement

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// A play is one run of the confirm task in memory. It asks, decides and writes in the same way as
// the code in internal/tasks.
type play struct {
	t      *rapid.T
	w      *world
	rules  Rules
	held   Held
	listed Listed
	list   []ksef.InvoiceInfo
	own    OwnReceipt

	writes  int // left until the process dies; below 0: never
	racing  map[string]bool
	decided []Decision
	asked   map[Fact]int
}

// errDied says that the process died before a write.
type errDied struct{}

func (w *world) play(t *rapid.T, dies bool) *play {
	p := &play{t: t, w: w, rules: Rules{Refusals: 3, ConfirmFirst: time.Second}, writes: -1, racing: map[string]bool{},
		asked: map[Fact]int{}}
	p.listed.Session, p.list, p.own = w.facts(t)
	if dies {
		p.writes = rapid.IntRange(0, 12).Draw(t, "writes until it dies")
	}
	for _, id := range w.order {
		if rapid.IntRange(0, 9).Draw(t, "races") == 0 {
			p.racing[id] = true
		}
	}
	return p
}

// run plays until the run waits, is over or dies. When it dies, both results are zero.
func (p *play) run() (wait *Wait, over bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, died := r.(errDied); !died {
				panic(r)
			}
		}
	}()
	for calls := 0; ; calls++ {
		if calls > 12 {
			p.t.Fatalf("after %d decisions the run neither waits nor is over: %+v", calls, p.decided)
		}
		d := p.decide()
		if d.Asks() {
			p.answer(d.Ask)
			continue
		}
		if wait, over = p.carryOut(d); wait != nil || over {
			return wait, over
		}
	}
}

// decide decides twice on the same facts. It checks that both decisions are equal and that the
// facts are unchanged. Then it checks the decision itself.
func (p *play) decide() Decision {
	held, listed := clone(p.held), p.listed
	listed.List.Invoices = slices.Clone(p.listed.List.Invoices)
	d := p.rules.Decide(p.w.pkg, p.held, p.listed, p.w.now)
	again := p.rules.Decide(p.w.pkg, held, listed, p.w.now)
	if !reflect.DeepEqual(d, again) {
		p.t.Fatalf("the same facts gave two decisions:\n%+v\n%+v", d, again)
	}
	if !reflect.DeepEqual(held, p.held) || !reflect.DeepEqual(listed.List, p.listed.List) {
		p.t.Fatalf("the decision changed the facts: %+v, %+v", p.held, p.listed.List)
	}
	p.decided = append(p.decided, d)
	p.check(d)
	return d
}

func clone(h Held) Held {
	h.Invoices, h.Unread = slices.Clone(h.Invoices), slices.Clone(h.Unread)
	return h
}

func (p *play) answer(q Ask) {
	if p.asked[q.For]++; p.asked[q.For] > 1 {
		p.t.Fatalf("fact %d was asked for twice", q.For)
	}
	switch q.For {
	case TheList:
		p.listed.List = List{Asked: true, Invoices: p.list}
	case TheHeld:
		p.held = p.w.held()
	case TheSends:
		p.listed.Statuses = Statuses{Asked: true, By: map[string]ksef.InvoiceInfo{}}
		for _, inv := range q.Sends {
			switch rapid.IntRange(0, 3).Draw(p.t, "status") {
			case 0: // KSeF refuses the request for the status
			case 1:
				if p.listed.Statuses.Sick = fmt.Errorf("sick"); rapid.Bool().Draw(p.t, "ends the round") {
					return
				}
			default:
				p.listed.Statuses.By[inv.ID] = p.w.status(inv)
			}
		}
	case TheReceipt:
		p.listed.Receipt = p.own
	case TheTenant:
		tenant := ledger.Tenant{Denied: rapid.IntRange(0, 4).Draw(p.t, "denied"), Denials: rapid.IntRange(0, 3).Draw(p.t, "denials")}
		if rapid.Bool().Draw(p.t, "had one accepted") {
			tenant.AcceptedAt = ledger.At(p.w.now.Add(-2 * time.Hour))
		}
		p.listed.Tenant = &tenant
	case TheThrough:
		through := rapid.Bool().Draw(p.t, "others go through")
		p.listed.Through = &through
	case TheRest:
		p.listed.Rest = &Rest{}
		if rapid.Bool().Draw(p.t, "the rest is there") {
			p.listed.Rest.Package = &ledger.Package{ID: p.w.pkg.Rest, State: ledger.PackageCut, Probe: place}
		}
	}
}

// write is a moment at which the process may die.
func (p *play) write() {
	if p.writes == 0 {
		panic(errDied{})
	}
	p.writes--
}

func (p *play) carryOut(d Decision) (*Wait, bool) {
	pkg := &p.w.pkg
	p.listed.Stage++
	p.listed.Conflicts = 0
	if d.Gone != nil {
		p.listed.Gone = d.Gone
	}
	if d.Package != (PackageEdit{}) {
		p.write()
		pkg.Code = d.Package.Code
		pkg.Lost = ledger.At(d.Package.Lost)
	}
	for _, m := range d.Moves {
		p.race(m)
	}
	for _, m := range d.Moves {
		if p.apply(m, m.Invoice.Rev) {
			p.listed.Conflicts++
		}
	}
	if p.listed.Conflicts > 0 {
		return nil, false
	}
	if d.Doubt != nil {
		for _, m := range d.Doubt.Notes {
			p.race(m)
			p.apply(m, 0)
		}
		if d.Doubt.Begin {
			p.write()
			pkg.Doubt = ledger.At(p.w.now)
		}
	}
	if d.Listed && !slices.ContainsFunc(p.held.Undecided(place), func(inv *ledger.Invoice) bool { return inv.OriginalBy == "" }) {
		p.write()
		pkg.Listed = true
	}
	if d.Lookup && !p.lookUp() {
		return &Wait{Poll: true}, false
	}
	if d.Split != nil {
		p.split(*d.Split)
	}
	if d.End != nil {
		p.write()
		pkg.State, pkg.Code, pkg.Reason = d.End.State, d.End.Code, d.End.Reason
	}
	return d.Wait, d.Over
}

// race lets somebody else change an invoice first. Somebody else is the invoice's sender, which
// writes "sent" late, or another task that settles the same package.
func (p *play) race(m Move) {
	if !p.racing[m.Invoice.ID] {
		return
	}
	delete(p.racing, m.Invoice.ID)
	entry := p.w.entries[m.Invoice.ID]
	entry.Rev++
	if entry.State == ledger.Sending && rapid.Bool().Draw(p.t, "sent meanwhile") {
		entry.State = ledger.Sent
	}
}

// apply makes one move in the ledger and lets the held copy know. If somebody else was faster, it
// reports a conflict instead.
func (p *play) apply(m Move, rev int64) (conflicted bool) {
	p.write()
	entry, inv := p.w.entries[m.Invoice.ID], m.Invoice
	from, stays := inv.State, m.Fate == Keep || m.Fate == LookUp
	legal := ledger.MayMove(entry.State, stateOf(m))
	if stays {
		legal = entry.State == from
	}
	if rev != 0 && entry.Rev != rev || entry.Package != place || !legal {
		conflict := &ledger.ConflictError{ID: entry.ID, State: string(entry.State), Rev: entry.Rev, Package: entry.Package}
		m.Wrote(ledger.Moved{Conflict: conflict})
		return true
	}
	entry.Rev++
	switch m.Fate {
	case Accept:
		entry.KsefNumber = m.Accepted.Number
	case LookUp:
		entry.OriginalBy = m.Original.By
	case SendAgain:
		entry.Package, entry.Session, entry.Reference = "", "", ""
	}
	if !stays {
		entry.State = stateOf(m)
	}
	m.Wrote(ledger.Moved{Rev: entry.Rev})
	if inv.State != entry.State || inv.Rev != entry.Rev || inv.Package != entry.Package || inv.OriginalBy != entry.OriginalBy {
		p.t.Fatalf("held is %+v, and the ledger has %+v", *inv, *entry)
	}
	return false
}

func stateOf(m Move) ledger.State {
	switch m.Fate {
	case Accept:
		return ledger.Accepted
	case Reject:
		return ledger.Rejected
	case Park:
		return ledger.Parked
	case SendAgain:
		return ledger.Queued
	}
	return m.Invoice.State
}

// lookUp stands in for the search for the originals. Each original is found, cannot be read now, or
// is left to a person. lookUp returns false when an original could not be read, or when somebody
// else was faster with its invoice.
func (p *play) lookUp() bool {
	all := true
	for _, inv := range p.held.Undecided(place) {
		if inv.OriginalBy == "" {
			continue
		}
		switch tr := p.w.truth[inv.ID]; {
		case rapid.IntRange(0, 2).Draw(p.t, "to be had") == 0:
			all = false
		case tr.accepted():
			all = !p.apply(*recovered(inv, tr.number, Acceptance{}), inv.Rev) && all
		default:
			all = !p.apply(parked(inv, inv.Code, "", "a person looks"), inv.Rev) && all
		}
	}
	return all
}

func (p *play) split(s Split) {
	if s.Park != nil {
		p.apply(*s.Park, s.Park.Invoice.Rev)
	}
	p.write()
	for _, part := range s.Parts {
		for _, id := range part.IDs {
			if entry := p.w.entries[id]; holds(place, entry) {
				entry.Package, entry.State = "another", ledger.Packed
			}
		}
	}
	if s.End != "" {
		p.w.pkg.State = s.End
	}
}
