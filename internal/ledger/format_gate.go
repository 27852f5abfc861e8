package ledger

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// gateFresh is how long an answer of the gate counts. The answer may be a little old. When the
// first process writes a new format, the last process that cannot read it has ended at least
// ledger.upgrade_after ago, so a few seconds do not matter.
const gateFresh = 3 * time.Second

// formatGate remembers which format may be written. Safe for concurrent use. The zero value has no
// answer yet.
type formatGate struct {
	asking sync.Mutex
	known  atomic.Pointer[gateAnswer]
}

type gateAnswer struct {
	writes int // 0: not known
	at     time.Time
}

// note remembers which format may be written according to a home that was just read or written.
func (g *formatGate) note(h Home) { g.known.Store(&gateAnswer{writes: h.writes(), at: time.Now()}) }

func (g *formatGate) close() { g.known.Store(&gateAnswer{at: time.Now()}) }

// EverybodyReads reports whether a format may be written. If so, every process of the pool reads
// the format, and a process that cannot read it refuses the ledger. EverybodyReads asks Redis at
// most every few seconds. While one goroutine asks, the others take the earlier answer, or false if
// there is none.
func (st *store) EverybodyReads(ctx context.Context, format int) bool {
	if format <= FormatKeys {
		return true
	}
	g := st.gate
	if a := g.known.Load(); (a == nil || time.Since(a.at) >= gateFresh) && g.asking.TryLock() {
		askFormat(ctx, st)
		g.asking.Unlock()
	}
	a := g.known.Load()
	return a != nil && a.writes >= format
}

// askFormat reads the home for the gate.
func askFormat(ctx context.Context, st *store) {
	raw, err := st.rdb.Get(ctx, st.key(keyHome)).Result()
	if err != nil {
		st.gate.close()
		return
	}
	if _, err := parseHome(st, raw); err != nil {
		st.gate.close()
	}
}

// parseHome decodes a home, and tells the gate. It returns a [*FormatError] if this build must not
// use the ledger.
func parseHome(st *store, raw string) (Home, error) {
	h, err := decodeHome(raw)
	if err == nil {
		err = readableHome(st, h)
	}
	if err != nil || h.Purging {
		st.gate.close()
		return h, err
	}
	st.gate.note(h)
	return h, nil
}

// homeIn decodes the home that a command has read; the zero value if there is none.
func homeIn(st *store, cmd *redis.StringCmd) (h Home, raw string, err error) {
	raw, err = cmd.Result()
	if errors.Is(err, redis.Nil) {
		return Home{}, "", nil
	}
	if err == nil {
		h, err = parseHome(st, raw)
	}
	return h, raw, err
}
