package simulator

import (
	"cmp"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"
)

// faultBook holds the armed faults and counts what they did. Safe for concurrent use. Its clock must not need the
// simulator's lock, which many of those who ask hold.
type faultBook struct {
	clock func() time.Time

	mu     sync.Mutex
	random *mathrand.Rand
	armed  []*armedFault
	struck map[string]int
}

type armedFault struct {
	Fault
	since        time.Time
	seen, struck int
	// entries remembers for each entry that was decided when it was struck; zero if it was let pass.
	entries map[any]time.Time
	session string // of OneSession, once it has struck
}

func newFaultBook(faults []Fault, random *mathrand.Rand, clock func() time.Time) *faultBook {
	b := &faultBook{random: random, clock: clock, struck: map[string]int{}}
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

// take gives the first armed fault of these kinds that strikes at the occasion, and counts it. An occasion counts for
// Skip of every fault that it matches until one strikes.
func (b *faultBook) take(o occasion, kinds ...string) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	for _, f := range b.armed {
		if slices.Contains(kinds, f.Kind) && f.matches(o) && f.of(o.session) && b.strikes(f, now) {
			f.session = o.session
			return f.Fault, true
		}
	}
	return Fault{}, false
}

// of tells whether a fault may strike at a session, which has no name where the request has none.
func (f *armedFault) of(session string) bool {
	return !f.OneSession || session != "" && (f.session == "" || f.session == session)
}

// strikes decides about one occasion that f matches. The caller holds mu.
func (b *faultBook) strikes(f *armedFault, now time.Time) bool {
	if f.Times >= 0 && f.struck >= f.Times || f.Lasting > 0 && now.Sub(f.since) >= f.Lasting {
		return false
	}
	f.seen++
	if f.seen <= f.Skip || f.Probability > 0 && b.random.Float64() >= f.Probability {
		return false
	}
	f.struck++
	b.struck[cmp.Or(f.Label, f.Kind)]++
	return true
}

// bends gives every armed fault of these kinds that bends an entry now. An entry that a fault would leave as it is
// (would says so) does not count for it.
func (b *faultBook) bends(entry any, o occasion, would func(Fault) bool, kinds ...string) (all []Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	for _, f := range b.armed {
		if !slices.Contains(kinds, f.Kind) || !f.matches(o) || !would(f.Fault) {
			continue
		}
		at, decided := f.entries[entry]
		if !decided {
			if b.strikes(f, now) {
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

// some tells whether a fault of these kinds was ever armed: ten thousand entries are not asked about in vain.
func (b *faultBook) some(kinds ...string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.armed, func(f *armedFault) bool { return slices.Contains(kinds, f.Kind) })
}

func (b *faultBook) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.struck)
}
