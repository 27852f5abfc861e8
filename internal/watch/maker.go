package watch

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"ksefworker/internal/intake"
)

// maker lets the gateway make XML of files that are JSON. It asks outside of the loop that watches
// the folder, so a gateway that does not answer holds up no other file. It asks about one file of a
// sender at a time. When it cannot ask about a file, it gives all files of that sender back to the
// loop with the error, because each further try may take as long as the gateway's time-out.
//
// Only the loop calls its methods.
type maker struct {
	*core
	came chan struct{} // a call has ended

	mu      sync.Mutex
	lines   map[string]*line  // by sender; a sender without orders has none
	pending map[string]bool   // files in lines
	calls   int               // under way
	made    map[string]making // by file
	away    map[string]error  // by sender: why the gateway could not be asked in this pass
	size    int               // bytes of XML in made
	running sync.WaitGroup
	stop    context.CancelFunc // of the calls
	ctx     context.Context    // of the calls
}

// line is what one sender's orders wait in.
type line struct {
	orders []order // if call is set, the gateway is being asked about the first
	call   bool
	since  time.Time // when a call last began or ended, or when the line began
}

// The number of simultaneous calls, and the XML that is made ahead of the loop, are bounded,
// because each document takes memory. The last document may exceed the bound of bytes, which is
// [chunkBytes].
const maxCalls = 16

// order is a file whose XML is to be made. tenant is the tenant that the settings of its folder
// name. sum is the digest of its content.
type order struct{ name, tenant, sum string }

// making is what became of an order.
type making struct {
	order
	xml   []byte
	err   error
	asked bool // the gateway was asked; if not, err is the error of another file of the sender
}

func newMaker(c *core) *maker {
	m := &maker{
		core: c, came: make(chan struct{}, 1), lines: map[string]*line{},
		pending: map[string]bool{}, made: map[string]making{}, away: map[string]error{},
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// close ends the calls, and returns when they have ended.
func (m *maker) close() {
	m.stop()
	m.running.Wait()
}

// newPass begins a pass of the loop, in which the gateway may be asked about each sender's files
// again.
func (m *maker) newPass() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.away)
}

// ask orders the XML of a file, which must not be ordered already. The gateway may fail before the
// loop has ordered all files of the sender. The files that are ordered later in the same pass are
// then given back too.
func (m *maker) ask(sender string, o order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.away[sender]; err != nil {
		m.ended(making{o, nil, err, false})
		return
	}
	if m.lines[sender] == nil {
		m.lines[sender] = &line{since: time.Now()}
	}
	m.lines[sender].orders = append(m.lines[sender].orders, o)
	m.pending[o.name] = true
	m.begin()
}

// waits reports whether the XML of a file is ordered and not made yet.
func (m *maker) waits(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pending[name]
}

// has reports whether the XML of a file is ordered, or made and not collected.
func (m *maker) has(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, made := m.made[name]
	return made || m.pending[name]
}

// busy reports whether the XML of any file is ordered and not made yet.
func (m *maker) busy() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending) > 0
}

// collect takes what became of an order. It returns false when there is no answer. It drops an
// answer for another tenant or another content, because the settings of the folder have changed
// since, or a person has replaced the file.
func (m *maker) collect(o order) (making, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.made[o.name]
	if ok {
		m.drop(o.name)
		m.begin()
	}
	return found, ok && found.order == o
}

// cancel drops the order of a file, or the answer about it. A call that is under way goes on, and a
// later cancel drops its answer.
func (m *maker) cancel(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(name)
	for sender, l := range m.lines {
		first := 0
		if l.call {
			first = 1
		}
		at := slices.IndexFunc(l.orders[first:], func(o order) bool { return o.name == name })
		if at < 0 {
			continue
		}
		l.orders = slices.Delete(slices.Clone(l.orders), first+at, first+at+1)
		delete(m.pending, name)
		if len(l.orders) == 0 {
			delete(m.lines, sender)
		}
		break
	}
	m.begin()
}

// forget drops the answers about files that are no longer there.
func (m *maker) forget(there map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.made {
		if !there[name] {
			m.drop(name)
		}
	}
	m.begin()
}

func (m *maker) drop(name string) {
	m.size -= len(m.made[name].xml)
	delete(m.made, name)
}

// await returns when there is enough to collect, when nothing is pending any more, or when the time
// is over. It reports whether there is anything to collect.
func (m *maker) await(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		m.mu.Lock()
		some, done := len(m.made) > 0, len(m.pending) == 0 || m.full()
		m.mu.Unlock()
		if done {
			return some
		}
		select {
		case <-m.came:
		case <-timer.C:
			return some
		case <-ctx.Done():
			return false
		}
	}
}

// silent returns the names of the ordered files of those senders for which no call has begun or
// ended for the given time.
func (m *maker) silent(long time.Duration) (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lines {
		if time.Since(l.since) >= long {
			for _, o := range l.orders {
				names = append(names, o.name)
			}
		}
	}
	return names
}

func (m *maker) full() bool { return len(m.made) >= chunkFiles || m.size >= chunkBytes }

// begin begins as many calls as the bounds allow. The caller holds m.mu.
func (m *maker) begin() {
	for sender, l := range m.lines {
		if m.calls >= maxCalls || m.full() || m.ctx.Err() != nil {
			return
		}
		if !l.call {
			l.call, l.since = true, time.Now()
			m.calls++
			first := l.orders[0]
			m.running.Go(func() { m.call(sender, first) })
		}
	}
}

// call makes the XML of one file.
func (m *maker) call(sender string, o order) {
	raw, err := m.disk.readTaken(o.name, m.o.MaxDocument)
	var xml []byte
	if err == nil && sumOf(raw) != o.sum {
		err = fs.ErrNotExist // a person has replaced it
	}
	if err == nil {
		xml, err = m.o.Generate(m.ctx, o.tenant, inner(raw))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return
	}
	l := m.lines[sender]
	m.calls, l.call, l.since, l.orders = m.calls-1, false, time.Now(), l.orders[1:]
	m.ended(making{o, xml, err, true})
	if _, unsure := errors.AsType[*intake.UnsureError](err); unsure && sender != "" {
		for _, other := range l.orders {
			m.ended(making{other, nil, err, false})
		}
		l.orders, m.away[sender] = nil, err
	}
	if len(l.orders) == 0 {
		delete(m.lines, sender)
	}
	m.begin()
	select {
	case m.came <- struct{}{}:
	default:
	}
}

// ended records what became of an order. The caller holds m.mu.
func (m *maker) ended(k making) {
	delete(m.pending, k.name)
	if !errors.Is(k.err, fs.ErrNotExist) { // the loop orders what is there now
		m.made[k.name] = k
		m.size += len(k.xml)
	}
}
