package simulator

import (
	"cmp"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"
)

// faultBook holds the armed faults and counts how often they hit. It is safe for concurrent use.
// Its clock must not need the simulator's lock, which many callers hold.
type faultBook struct {
	clock func() time.Time

	mu     sync.Mutex
	random *mathrand.Rand
	armed  []*armedFault
	hit    map[string]int
}

type armedFault struct {
	Fault
	since time.Time // when it was armed
	seen  int       // matching events so far
	hit   int       // events that it hit
	// entries has each entry about which the fault has decided, with the time at which the fault
	// hit the entry. The time is zero if the fault passed over the entry.
	entries map[any]time.Time
	session string // the session that a fault with OneSession has hit
}

func newFaultBook(faults []Fault, random *mathrand.Rand, clock func() time.Time) *faultBook {
	b := &faultBook{random: random, clock: clock, hit: map[string]int{}}
	for _, f := range faults {
		b.arm(f)
	}
	return b
}

func (b *faultBook) arm(f Fault) {
	if f.Times == 0 {
		f.Times = 1
		if f.Kind == Poison || f.Kind == OmitNumber || f.Lasting > 0 {
			f.Times = -1
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = append(b.armed, &armedFault{Fault: f, since: b.clock(), entries: map[any]time.Time{}})
}

// take returns the first armed fault of these kinds that hits the event, and counts the hit. Faults
// are tried in the order of arming, until one hits. Each of them that could hit the event counts it
// for its Skip.
func (b *faultBook) take(e event, kinds ...string) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	for _, f := range b.armed {
		if slices.Contains(kinds, f.Kind) && f.matches(e) && f.mayHit(e.session) && b.hits(f, now) {
			f.session = e.session
			return f.Fault, true
		}
	}
	return Fault{}, false
}

// mayHit reports whether OneSession lets the fault hit a request. session is the session that the
// request names, or "" when it names none.
func (f *armedFault) mayHit(session string) bool {
	return !f.OneSession || session != "" && (f.session == "" || f.session == session)
}

// hits decides whether f hits an event that f matches, and counts the hit. The caller holds mu.
func (b *faultBook) hits(f *armedFault, now time.Time) bool {
	if f.Times >= 0 && f.hit >= f.Times || f.Lasting > 0 && now.Sub(f.since) >= f.Lasting {
		return false
	}
	f.seen++
	if f.seen <= f.Skip || f.Probability > 0 && b.random.Float64() >= f.Probability {
		return false
	}
	f.hit++
	b.hit[cmp.Or(f.Label, f.Kind)]++
	return true
}

// alterations returns every armed fault of these kinds that changes an entry now. canChange reports
// whether a fault can change the entry. A fault that cannot change the entry does not count it for
// Skip and Times.
func (b *faultBook) alterations(entry any, e event, canChange func(Fault) bool, kinds ...string) (all []Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	for _, f := range b.armed {
		if !slices.Contains(kinds, f.Kind) || !f.matches(e) || !canChange(f.Fault) {
			continue
		}
		at, decided := f.entries[entry]
		if !decided {
			if b.hits(f, now) {
				at = now
			}
			f.entries[entry] = at
		}
		lasts := f.Lasting == 0 || now.Sub(f.since) < f.Lasting
		if !at.IsZero() && lasts && (f.For == 0 || now.Sub(at) < f.For) {
			all = append(all, f.Fault)
		}
	}
	return all
}

// everArmed reports whether a fault of these kinds was ever armed. If none was, a caller
// need not look at the entries of a list, which can be ten thousand.
func (b *faultBook) everArmed(kinds ...string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.armed, func(f *armedFault) bool { return slices.Contains(kinds, f.Kind) })
}

func (b *faultBook) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.hit)
}
