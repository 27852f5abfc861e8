package bundle

import (
	"strings"
	"sync"
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
	behind   map[string][]index // the indexes of packages in place of joined ones that are not complete
}

func newMemory() memory {
	return memory{shelves: map[string]*shelf{}, made: map[string][]Line{}, complete: map[string]bool{}, behind: map[string][]index{}}
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

func (m *memory) keepBehind(joined, packages []index) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeSpace(m.behind, maxShelves)
	m.behind[namesOf(joined)] = packages
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
