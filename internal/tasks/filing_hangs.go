package tasks

import "sync"

// hangsBeforeFiles is how often the archive may fail to answer when it is given a bundle of a
// package. After that many failures the package is archived in single files, because something
// between worker and archive, for example a proxy, may take small objects only. A bundle that is
// written does not reset the count.
const hangsBeforeFiles = 3

// bundleHangs counts for each package how often this process gave the archive a bundle and got no
// answer. The zero value is ready to use. Safe for concurrent use.
type bundleHangs struct {
	mu sync.Mutex
	n  map[string]int
}

// note counts one failure of a package.
func (h *bundleHangs) note(pkg string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	const many = 10_000
	if h.n == nil || len(h.n) >= many {
		h.n = map[string]int{}
	}
	h.n[pkg]++
}

// enough reports whether a package is to be archived in single files.
func (h *bundleHangs) enough(pkg string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n[pkg] >= hangsBeforeFiles
}
