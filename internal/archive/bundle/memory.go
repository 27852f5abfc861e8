package bundle

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/archive"
)

const (
	maxShelves = 64 // sellers and months whose lists of indexes are kept
	maxMade    = 8  // indexes that were made again and are kept
	// maxComplete bounds the names of indexes without a head that were found complete.
	maxComplete = 4096
)

// memory is what a [Store] remembers of what it has read, besides blocks of indexes. Safe for
// concurrent use.
type memory struct {
	mu       sync.Mutex
	shelves  map[string]*shelf
	made     map[string][]Line
	complete map[string]bool    // indexes without a head that have all lines
	behind   map[string][]index // by joined indexes: the indexes of the packages whose lines these should have
	beside   map[string][]index // by joined indexes: the indexes of the packages that these lack
	days     map[string]listedDay
	digests  digests
}

// listedDay is the list of the indexes of a day. at is when it was made.
type listedDay struct {
	at      time.Time
	indexes []index
}

// fresh is how long the list of a day is used again by look-ups of single documents. Without that,
// each day would be listed again for each of the thousands of old documents that a sender may hand
// in. A document that another process archives meanwhile is found up to this much later. A document
// that this process archives is found at once.
const fresh = time.Second

// maxDays bounds the days whose lists are kept.
const maxDays = 4096

func newMemory() memory {
	return memory{shelves: map[string]*shelf{}, made: map[string][]Line{}, complete: map[string]bool{}, behind: map[string][]index{},
		beside: map[string][]index{}, days: map[string]listedDay{}, digests: newDigests()}
}

func (m *memory) madeAgain(name string) ([]Line, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines, ok := m.made[name]
	return lines, ok
}

func (m *memory) keepMade(name string, lines []Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.made, maxMade)
	m.made[name] = lines
}

func (m *memory) isComplete(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.complete[name]
}

func (m *memory) keepComplete(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.complete, maxComplete)
	m.complete[name] = true
}

func (m *memory) shelf(folder string) *shelf {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelves[folder]
}

func (m *memory) keepShelf(folder string, now *shelf) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.shelves, maxShelves)
	m.shelves[folder] = now
}

func (m *memory) behindThese(joined []index) ([]index, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	packages, ok := m.behind[namesOf(joined)]
	return packages, ok
}

func isUnlisted(of index) bool { return of.unlisted != nil }

func (m *memory) keepBehind(joined, packages []index) {
	if slices.ContainsFunc(packages, isUnlisted) {
		return // a person may make the folder readable again
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.behind, maxShelves)
	m.behind[namesOf(joined)] = packages
}

func (m *memory) besideThese(joined []index) ([]index, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	packages, ok := m.beside[namesOf(joined)]
	return packages, ok
}

func (m *memory) keepBeside(joined, packages []index) {
	if slices.ContainsFunc(packages, isUnlisted) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.beside, maxShelves)
	m.beside[namesOf(joined)] = packages
}

// recent returns the list of a day if it is fresh.
func (m *memory) recent(day string) ([]index, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.days[day]
	return l.indexes, ok && time.Since(l.at) < fresh
}

func (m *memory) keepDay(day string, l listedDay) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.days, maxDays)
	m.days[day] = l
}

// forgetLists makes the next look-ups list the folders again.
func (m *memory) forgetLists() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.days)
	clear(m.behind)
	clear(m.beside)
}

func (m *memory) digest(name string) (digest, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.digests.of[name]
	return d, ok
}

// makeDigest reads an index whole and keeps which ids it has. An index that cannot be read, or is
// not complete, gets no digest. The look-ups make such an index again, or say what is wrong.
func (m *memory) makeDigest(ctx context.Context, s archive.Store, of index) {
	d, err := digestOf(ctx, s, of)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.digests.keep(of.name, d)
	} else {
		m.digests.asked[of.name] = math.MinInt64
	}
}

func (m *memory) digestIsDue(name string, size int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.digests.due(name, size)
}

func namesOf(indexes []index) string {
	names := make([]string, len(indexes))
	for i := range indexes {
		names[i] = indexes[i].name
	}
	return strings.Join(names, " ")
}

func makeSpace[T any](m map[string]T, max int) {
	for old := range m {
		if len(m) < max {
			return
		}
		delete(m, old)
	}
}
