package simulator

import (
	"math"
	"sync"
	"time"
)

// Groups of operations that share windows (KSeF limits, September 2026). Every operation outside them has a counter
// of its own, named "other:" and the operation.
const (
	groupOnline      = "onlineSession"
	groupOnlineClose = "onlineSessionClose"
	groupSend        = "invoiceSend"
	groupBatch       = "batchSession"
	groupBatchClose  = "batchSessionClose"
	groupStatus      = "invoiceStatus"
	groupList        = "sessionInvoiceList"
	groupMisc        = "sessionMisc"
	groupDownload    = "invoiceDownload"
	groupMetadata    = "invoiceMetadata"
	groupExport      = "invoiceExport"
	groupExported    = "invoiceExportStatus"
	groupSessionList = "sessionList" // no operation of the gateway's
)

const (
	// grace spares requests that were on their way when a block began: they are refused but lengthen nothing.
	grace      = time.Second
	longest    = time.Hour // of a block
	strikeLife = time.Hour
)

// allowance is requests per second, minute and hour.
type allowance struct{ second, minute, hour int }

func allowances() map[string]allowance {
	return map[string]allowance{
		groupOnline:      {10, 30, 120},
		groupOnlineClose: {20, 60, 240},
		groupSend:        {10, 30, 180},
		groupBatch:       {10, 20, 60},
		groupBatchClose:  {20, 40, 120},
		groupStatus:      {30, 120, 1200},
		groupList:        {10, 20, 200},
		groupMisc:        {10, 120, 1200},
		groupDownload:    {8, 16, 64},
		groupMetadata:    {8, 16, 20},
		groupExport:      {8, 16, 20},
		groupExported:    {10, 60, 600},
		groupSessionList: {5, 10, 60},
	}
}

// Violation is one request that came although the limit was used up, or during a block.
type Violation struct {
	Account string    `json:"account"`
	Group   string    `json:"group"`
	Window  string    `json:"window"` // second, minute, hour, block
	Count   int       `json:"count"`  // requests in the window, this one included; strikes so far when in a block
	At      time.Time `json:"at"`
}

// limiter counts requests of each account and group at their arrival. KSeF counts pairs of taxpayer and address; here
// the account stands for the pair, because a taxpayer is not known before the first invoice.
//
// Only requests that were let in fill the windows. A refused one instead begins a block of its group, as long as the
// window needs to recover; each further refusal within the hour doubles it, up to an hour.
type limiter struct {
	mu         sync.Mutex
	enforce    bool
	scale      float64
	table      map[string][]window
	others     []window
	tracks     map[[2]string]*track
	counts     map[string]int
	perAccount map[string]map[string]int
	violations []Violation
}

func newLimiter(p Profile, scale float64) *limiter {
	l := &limiter{
		enforce: p != Unlimited, scale: scale, table: map[string][]window{},
		tracks: map[[2]string]*track{}, counts: map[string]int{}, perAccount: map[string]map[string]int{},
	}
	for group, a := range allowances() {
		l.table[group] = l.windows(a)
	}
	l.others = l.windows(allowance{10, 30, 120})
	return l
}

func (l *limiter) windows(a allowance) []window {
	return []window{
		{"second", l.scaled(time.Second), a.second},
		{"minute", l.scaled(time.Minute), a.minute},
		{"hour", l.scaled(time.Hour), a.hour},
	}
}

func (l *limiter) scaled(d time.Duration) time.Duration {
	return time.Duration(math.Round(float64(d) / l.scale))
}

func (l *limiter) track(account, group string) *track {
	key := [2]string{account, group}
	t := l.tracks[key]
	if t == nil {
		t = &track{}
		l.tracks[key] = t
	}
	return t
}

// arrive counts a request. When it is refused, wait tells how long the group stays blocked. clock is read under the
// lock: two requests must not be booked in the reverse order of their instants.
func (l *limiter) arrive(account, group string, clock func() time.Time) (wait time.Duration, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := clock()
	l.counts[group]++
	if l.perAccount[account] == nil {
		l.perAccount[account] = map[string]int{}
	}
	l.perAccount[account][group]++
	windows, listed := l.table[group]
	if !listed {
		windows = l.others
	}
	t := l.track(account, group)
	if now.Before(t.blockedUntil) {
		if now.Sub(t.blockedSince) >= l.scaled(grace) {
			l.block(t, now, t.blockedUntil.Sub(now))
		}
		l.violations = append(l.violations, Violation{account, group, "block", t.strikes, now.UTC()})
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

// block shuts a group for at least need; each strike within the hour doubles that.
func (l *limiter) block(t *track, now time.Time, need time.Duration) {
	if now.Sub(t.lastStrike) > l.scaled(strikeLife) {
		t.strikes = 0
	}
	t.strikes++
	t.lastStrike = now
	length := need
	for i := 1; i < t.strikes && length < l.scaled(longest); i++ {
		length *= 2
	}
	t.blockedSince = now
	if until := now.Add(max(need, min(length, l.scaled(longest)))); until.After(t.blockedUntil) {
		t.blockedUntil = until
	}
}

// impose begins a block that a fault ordered.
func (l *limiter) impose(account, group string, now time.Time, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.track(account, group)
	t.blockedSince = now
	if until := now.Add(length); until.After(t.blockedUntil) {
		t.blockedUntil = until
	}
}

// retryAfter is in whole seconds, rounded up: a client that comes back at once after them is never early.
func retryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
