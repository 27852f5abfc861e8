package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// timeMachine moves the four clocks of a pool together. The clocks of the workers and of the
// simulator can be set. For Redis's clock, it moves the instants that circuits keep there into the
// past. For the queue's clock, it runs all tasks that wait for their time. No other part of a test
// waits for a clock, because the limits let everything through. Only in the test of the long outage
// are two limits low, so that a waitlist forms when the gateway is back.
type timeMachine struct {
	*pool
	offset    atomic.Int64
	inspector *asynq.Inspector
}

func (m *timeMachine) clock() time.Time { return time.Now().Add(time.Duration(m.offset.Load())) }

// skip moves the clocks by d.
func (m *timeMachine) skip(d time.Duration) {
	m.t.Helper()
	m.offset.Add(int64(d))
	m.sim.Advance(d)
	ctx := m.t.Context()
	circuits, err := m.base.Redis.Keys(ctx, "ksef:circuit:*").Result()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, key := range circuits {
		for _, field := range []string{"until", "probe"} {
			if at, err := m.base.Redis.HGet(ctx, key, field).Int64(); err == nil && at > 0 {
				if err := m.base.Redis.HSet(ctx, key, field, max(1, at-d.Microseconds())).Err(); err != nil {
					m.t.Fatal(err)
				}
			}
		}
	}
	for q := range queue.Queues() {
		if _, err := m.inspector.RunAllRetryTasks(q); err != nil {
			m.t.Fatal(err)
		}
		if _, err := m.inspector.RunAllScheduledTasks(q); err != nil {
			m.t.Fatal(err)
		}
	}
}

// pass moves the clocks by d and waits until every task that is due has run.
func (m *timeMachine) pass(d time.Duration) {
	m.t.Helper()
	m.skip(d)
	until(m.t, 60*time.Second, "everything that was due has run", func() bool {
		for q := range queue.Queues() {
			info, err := m.inspector.GetQueueInfo(q)
			if err != nil {
				m.t.Fatal(err)
			}
			if info.Pending+info.Active > 0 {
				return false
			}
		}
		return true
	})
}

// waiting hands in n invoices of a number series. Their deadline is the given number of days after
// start.
func (m *timeMachine) waiting(start time.Time, nip, series string, lane ledger.Lane, days, n int) []intake.Admission {
	m.t.Helper()
	var docs []intake.Document
	vary := func(_ int, o *sample.Options) { o.Number = series + "/" + o.Number }
	for name, data := range sample.Invoices(nip, n, invoice.Today(start), vary) {
		docs = append(docs, intake.Document{File: name, Data: data})
	}
	return m.admit(intake.Terms{Lane: lane, Deadline: start.AddDate(0, 0, days)}, docs...)
}

// The gateway is down for three days, which pass in steps of an hour, while more invoices come in.
// The invoices of each day have a nearer deadline than those of the day before, so first in, first
// out would be exactly wrong.
func TestOutage_GatewayDownForThreeDays_NothingIsGivenUpAndDeadlinesGoFirstAfterwards(t *testing.T) {
	t.Parallel()
	const perPackage = 2
	o := quickSim
	o.Profile = simulator.Unlimited // the pool counts requests by Redis's clock, which does not jump as the simulator's does
	o.Delay = 10 * time.Minute      // the first sessions are still processed when the gateway goes down
	m := &timeMachine{}
	p, s := newInterceptedPool(t, 2, o, func(c *config.Config) {
		c.Sweep.After = time.Hour // on the moved clock; no task is lost in this test
		c.Packages.MaxInvoices, c.Packages.ExpressBelow = perPackage, 0
		// These groups are unlimited, because an hour passes several times a second here. So
		// requests that workers send once an hour come several times a second.
		groups := &c.Limits.Groups
		unlimited := config.Rates{PerSecond: config.Unlimited, PerMinute: config.Unlimited, PerHour: config.Unlimited}
		groups.Other, groups.SessionMisc, groups.OnlineSession, groups.SessionInvoiceList = unlimited, unlimited, unlimited, unlimited
		// These limits are low, so that a waitlist forms when the gateway is back. The order
		// matters only when some invoices have to wait.
		groups.InvoiceSend = config.Rates{PerSecond: 2, PerMinute: config.Unlimited, PerHour: config.Unlimited}
		groups.BatchSession = config.Rates{PerSecond: 1, PerMinute: config.Unlimited, PerHour: config.Unlimited}
	})
	m.pool, m.inspector = p, asynq.NewInspectorFromRedisClient(p.base.Asynq)
	p.now = m.clock
	start := time.Now()
	busy, quiet := sample.NIP(0), sample.NIP(1)
	p.work()
	p.work()

	before := m.waiting(start, busy, "BEFORE", ledger.Bulk, 10, 10*perPackage)
	until(t, 60*time.Second, "all invoices from before are in KSeF", p.count(ledger.Sent, len(before)))
	var unanswered atomic.Int64
	s.set(func(*http.Request) int { unanswered.Add(1); return http.StatusBadGateway })
	down := time.Now()
	sessions := len(p.sim.Books().Sessions)
	logged := len(p.log.String())
	// The quiet tenant has nothing in KSeF, so at first only the polls of one tenant fail, which
	// could be that tenant's own trouble. The gateway counts as down when requests of the quiet
	// tenant and of another group have failed too.
	taken := append(m.waiting(start, quiet, "SCOUT", ledger.Bulk, 10, 1), m.waiting(start, busy, "SCOUT", ledger.Express, 10, 1)...)
	until(t, 60*time.Second, "the gateway is known to be down", func() bool {
		m.pass(time.Minute)
		return p.base.Redis.HGet(t.Context(), "ksef:circuit:"+s.host(), "until").Val() > "0"
	})
	const hours = 72
	for hour := range hours {
		if hour%24 == 0 {
			days := 9 - 2*hour/24
			taken = append(taken, m.waiting(start, busy, fmt.Sprint("B", days), ledger.Bulk, days, 10)...)
			taken = append(taken, m.waiting(start, busy, fmt.Sprint("E", days), ledger.Express, days, 10)...)
			taken = append(taken, m.waiting(start, quiet, fmt.Sprint("Q", days), ledger.Bulk, days, 10)...)
		}
		m.pass(time.Hour)
	}
	postponed, lines := m.logged(p.log.String()[logged:])
	t.Logf("%d tasks postponed and %d lines of log in three days (%v), %d requests sent",
		postponed, lines, time.Since(down).Round(time.Second), unanswered.Load())
	if postponed < 1500 {
		t.Errorf("only %d tasks were postponed, so this test proves little", postponed)
	}
	if lines > 2*hours {
		t.Errorf("two workers wrote %d lines of log in %d hours, want at most two an hour", lines, hours)
	}
	if n := len(p.sim.Books().Sessions); n != sessions {
		t.Errorf("%d sessions were opened while the gateway was down, want none", n-sessions)
	}
	m.nothingUsedUp(taken, 0)
	// The polls of the busy tenant's sessions probe the gateway. The quiet tenant has to probe with
	// a package, and one is enough.
	cut, err := p.base.Ledger.PackagesInState(t.Context(), ledger.PackageCut, time.Time{}, m.clock().Add(time.Hour), 100)
	if err != nil || len(cut) != 1 {
		t.Fatalf("%d packages were cut (error %v) while the gateway was down, want one as a probe", len(cut), err)
	}

	s.clear()
	back := time.Now()
	all := append(before, taken...)
	until(t, 2*time.Minute, "all invoices are receipted", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		if err == nil && counts[string(ledger.Receipted)] == int64(len(all)) {
			return true
		}
		m.skip(time.Minute)
		<-time.After(time.Second) // tasks that are due run meanwhile
		return false
	})
	t.Logf("drained in %v", time.Since(back).Round(time.Second))
	p.balanced(len(all))
	m.nothingUsedUp(all, 1)
	probe, err := p.base.Ledger.Package(t.Context(), cut[0])
	if err != nil {
		t.Fatal(err)
	}
	// A task that has to wait for less than two seconds sleeps instead of joining the waitlist. So
	// it may overtake as many others as are sent in two seconds. For packages these are two
	// sessions, with twice as many invoices as usual, because packages are twice as large while
	// sessions are scarce.
	m.inOrder("batch", busy, "B", "", 4*perPackage)
	m.inOrder("batch", quiet, "Q", probe.Session, 4*perPackage)
	m.inOrder("online", busy, "E", "", 6)
}

// logged counts the tasks that were postponed, and the lines that an operator sees.
func (m *timeMachine) logged(text string) (postponed, lines int) {
	for line := range strings.Lines(text) {
		var l struct{ Level, Verdict, Reason string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			m.t.Fatalf("a line of the log is not JSON: %v: %s", err, line)
		}
		switch {
		case l.Level != "debug":
			lines++
		case l.Verdict == "later" && l.Reason == "outage":
			postponed++
		}
	}
	return postponed, lines
}

// nothingUsedUp checks that each invoice was in as many sessions as attempts says, and that none
// was sent again. It also checks that no task was given up, and that waiting used up no retries.
func (m *timeMachine) nothingUsedUp(taken []intake.Admission, attempts int) {
	m.t.Helper()
	for _, a := range taken {
		if inv := m.state(a); inv.Attempts != attempts || inv.Resends != 0 {
			m.t.Errorf("%s is %s, was in %d sessions, want %d, and was sent again %d times, want never",
				inv.Number, inv.State, inv.Attempts, attempts, inv.Resends)
		}
	}
	for q := range queue.Queues() {
		info, err := m.inspector.GetQueueInfo(q)
		if err != nil {
			m.t.Fatal(err)
		}
		if info.Archived > 0 {
			m.t.Errorf("in the queue %s %d tasks were given up and archived, want none", q, info.Archived)
		}
		waiting, err := m.inspector.ListRetryTasks(q, asynq.PageSize(1000))
		if err != nil {
			m.t.Fatal(err)
		}
		for _, task := range waiting {
			if task.Retried > 3 { // a task may fail three times before the gateway is known to be down
				m.t.Errorf("waiting used up %d retries of the task %s, want at most three", task.Retried, task.ID)
			}
		}
	}
}

// inOrder checks that a number series was accepted in the order of its deadlines. In the numbers of
// the invoices, the name of the series is followed by the days until the deadline. The session
// whose id is in except is ignored. An invoice may be up to slip places early or late.
func (m *timeMachine) inOrder(lane, nip, series, except string, slip int) {
	m.t.Helper()
	books := m.sim.Books()
	opened := map[string]time.Time{}
	for _, s := range books.Sessions {
		opened[s.ID] = s.Opened
	}
	type sent struct {
		at     time.Time
		number string
	}
	var all []sent
	for _, a := range books.Accepted {
		if a.NIP == nip && a.Session != except && strings.HasPrefix(a.Number, series) && a.Number[len(series)] < 'A' {
			at := a.At
			if lane == "batch" {
				at = opened[a.Session]
			}
			all = append(all, sent{at, a.Number[:len(series)+1]})
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return a.at.Compare(b.at) })
	var order []string
	for i, s := range all {
		if lane == "online" && i < 4 {
			continue // as many as are sent in two seconds went first, without a wait, when the gateway was back
		}
		order = append(order, s.number)
	}
	want := slices.Sorted(slices.Values(order))
	var outOfTurn []string
	for i, number := range order {
		if !slices.Contains(want[max(0, i-slip):min(len(want), i+slip+1)], number) {
			outOfTurn = append(outOfTurn, number)
		}
	}
	// Probes rotate, so the probe that succeeds need not be the invoice that is due first. One
	// invoice of each worker may go before its turn.
	if len(outOfTurn) > 2 {
		m.t.Errorf("the series %s of tenant %s went in the order %v, want the nearest deadline first", series, nip, order)
		return
	}
	if len(order) < 25 {
		m.t.Errorf("of tenant %s only the invoices %v were accepted, want at least 25", nip, order)
	}
}
