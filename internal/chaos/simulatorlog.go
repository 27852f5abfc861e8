package chaos

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"time"
)

// simulatorLog writes the simulator's log. It remembers when the simulator ordered a tenant to wait
// (fault 429), because requests that are under way at that time cannot know of the order. Safe for
// concurrent use.
type simulatorLog struct {
	out io.Writer

	mu     sync.Mutex
	blocks []time.Time
}

// Write implements io.Writer.
func (l *simulatorLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(line, []byte(`"fault":"429"`)) {
		l.blocks = append(l.blocks, time.Now())
	}
	return l.out.Write(line)
}

// orderedBlocks returns when the simulator ordered a tenant to wait.
func (l *simulatorLog) orderedBlocks() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.blocks)
}
