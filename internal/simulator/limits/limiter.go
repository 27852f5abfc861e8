package limits

import (
	"maps"
	"math"
	"sync"
	"time"
)

const (
	// grace protects requests that were on their way when a block began. They are refused, but they
	// do not lengthen the block.
	grace       = time.Second
	maxBlock    = time.Hour
	refusalLife = time.Hour
)

// Violation is one request that came although the limit was used up, or during a block.
type Violation struct {
	Account string `json:"account"`
	Group   string `json:"group"`
	Window  string `json:"window"` // second, minute, hour, block
	// Count is the number of requests in the window, including this one. In a block, it is the
	// number of refusals so far.
	Count int       `json:"count"`
	At    time.Time `json:"at"`
}

// Books are what a [Limiter] has counted.
type Books struct {
	Requests   map[string]int            // by group, refused ones included
	Accounts   map[string]map[string]int // the same, by account and group
	Violations []Violation               // in the order of arrival; never nil
}

// Limiter counts the requests of each account and group when they arrive. It is safe for concurrent
// use.
//
// KSeF counts by taxpayer and address. Here the account stands for both, because a taxpayer is not
// known before the first invoice.
//
// Only admitted requests fill the windows. A refused request begins a block of its group instead.
// The block lasts as long as the window needs to recover. Each further refusal within the hour
// doubles it, up to an hour.
type Limiter struct {
	mu         sync.Mutex
	enforce    bool
	scale      float64
	table      map[string][]window    // by group
	own        map[[2]string][]window // from Set, by account and group
	set        map[[2]string]Allowance
	tracks     map[[2]string]*track
	counts     map[string]int
	perAccount map[string]map[string]int
	violations []Violation
}

// New makes a limiter. If enforce is false, it counts requests, but refuses them only during a
// block that [Limiter.Impose] began. scale divides windows and blocks, and must be positive. With
// scale 60, an hour becomes a minute.
func New(enforce bool, scale float64) *Limiter {
	l := &Limiter{
		enforce: enforce, scale: scale, table: map[string][]window{}, own: map[[2]string][]window{}, set: map[[2]string]Allowance{},
		tracks: map[[2]string]*track{}, counts: map[string]int{}, perAccount: map[string]map[string]int{},
	}
	for group, a := range Usual() {
		l.table[group] = l.windows(a)
	}
	return l
}

// windows returns the windows of an allowance, the widest last. A window without a limit is left
// out.
func (l *Limiter) windows(a Allowance) []window {
	var all []window
	for _, w := range []window{
		{"second", l.scaled(time.Second), a.Second},
		{"minute", l.scaled(time.Minute), a.Minute},
		{"hour", l.scaled(time.Hour), a.Hour},
	} {
		if w.limit != NoLimit {
			all = append(all, w)
		}
	}
	return all
}

// Set gives one account an allowance of its own, as the Ministry does on request. The group may be
// Others.
func (l *Limiter) Set(account, group string, a Allowance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own[[2]string{account, group}], l.set[[2]string{account, group}] = l.windows(a), a
}

// Reset gives one account the usual allowances again.
func (l *Limiter) Reset(account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := func(key [2]string) bool { return key[0] == account }
	maps.DeleteFunc(l.own, func(key [2]string, _ []window) bool { return mine(key) })
	maps.DeleteFunc(l.set, func(key [2]string, _ Allowance) bool { return mine(key) })
}

// Allowances returns what is enforced for an account, by group. Others is among the groups. The map
// is the caller's. For a limiter that does not enforce, every number is NoLimit.
func (l *Limiter) Allowances(account string) map[string]Allowance {
	all := Usual()
	l.mu.Lock()
	defer l.mu.Unlock()
	for group := range all {
		if !l.enforce {
			all[group] = Allowance{NoLimit, NoLimit, NoLimit}
		} else if own, set := l.set[[2]string{account, group}]; set {
			all[group] = own
		}
	}
	return all
}

// windowsOf returns the windows that count for an account and a group. The caller holds mu.
func (l *Limiter) windowsOf(account, group string) []window {
	names := []string{group}
	if _, listed := l.table[group]; !listed {
		names = append(names, Others)
	}
	for _, name := range names {
		if windows, set := l.own[[2]string{account, name}]; set {
			return windows
		}
	}
	return l.table[names[len(names)-1]]
}

func (l *Limiter) scaled(d time.Duration) time.Duration {
	return time.Duration(math.Round(float64(d) / l.scale))
}

func (l *Limiter) track(account, group string) *track {
	key := [2]string{account, group}
	t := l.tracks[key]
	if t == nil {
		t = &track{}
		l.tracks[key] = t
	}
	return t
}

// Arrive counts a request. If the request is refused, wait is how long the group stays blocked.
// Arrive reads clock under the lock, so that requests are recorded in the order of their times.
func (l *Limiter) Arrive(account, group string, clock func() time.Time) (wait time.Duration, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := clock()
	l.counts[group]++
	if l.perAccount[account] == nil {
		l.perAccount[account] = map[string]int{}
	}
	l.perAccount[account][group]++
	windows := l.windowsOf(account, group)
	t := l.track(account, group)
	if now.Before(t.blockedUntil) {
		if now.Sub(t.blockedSince) >= l.scaled(grace) {
			l.block(t, now, t.blockedUntil.Sub(now))
		}
		l.violations = append(l.violations, Violation{account, group, "block", t.refusals, now.UTC()})
		return t.blockedUntil.Sub(now), true
	}
	if !l.enforce {
		return 0, false
	}
	if w, count, need := t.excess(windows, now); need > 0 {
		l.block(t, now, need)
		l.violations = append(l.violations, Violation{account, group, w.name, count, now.UTC()})
		return t.blockedUntil.Sub(now), true
	}
	t.admit(windows, now)
	return 0, false
}

// block refuses everything of a group for at least need. Each further refusal within the hour
// doubles this time, up to an hour.
func (l *Limiter) block(t *track, now time.Time, need time.Duration) {
	if now.Sub(t.lastRefusal) > l.scaled(refusalLife) {
		t.refusals = 0
	}
	t.refusals++
	t.lastRefusal = now
	length := need
	for i := 1; i < t.refusals && length < l.scaled(maxBlock); i++ {
		length *= 2
	}
	t.blockedSince = now
	if until := now.Add(max(need, min(length, l.scaled(maxBlock)))); until.After(t.blockedUntil) {
		t.blockedUntil = until
	}
}

// Impose begins a block that a fault has ordered. It does not shorten a block that is under way.
func (l *Limiter) Impose(account, group string, now time.Time, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.track(account, group)
	t.blockedSince = now
	if until := now.Add(length); until.After(t.blockedUntil) {
		t.blockedUntil = until
	}
}

// Books returns a copy of what was counted so far.
func (l *Limiter) Books() Books {
	l.mu.Lock()
	defer l.mu.Unlock()
	accounts := map[string]map[string]int{}
	for id, groups := range l.perAccount {
		accounts[id] = maps.Clone(groups)
	}
	return Books{
		Requests:   maps.Clone(l.counts),
		Accounts:   accounts,
		Violations: append([]Violation{}, l.violations...),
	}
}

// RetryAfter rounds a wait up to whole seconds, at least 1, so that a client that comes back right
// after them is never too early.
func RetryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
