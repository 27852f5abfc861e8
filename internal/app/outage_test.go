package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// timeMachine moves all four clocks of a pool together: the workers' and the simulator's, which can be asked to; Redis's, by setting back the instants that the circuit keeps on it; and the
// queue's, by letting everything run whose time is not yet. Nothing else in this test waits on a clock: the limiter's windows are open, but for those in which a line is to form once the gateway is back.
type timeMachine struct {
	*pool
	offset    atomic.Int64
	inspector *asynq.Inspector
}

func (m *timeMachine) clock() time.Time { return time.Now().Add(time.Duration(m.offset.Load())) }

// skip lets d go by.
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
	for q := range tasks.Queues() {
		if _, err := m.inspector.RunAllRetryTasks(q); err != nil {
			m.t.Fatal(err)
		}
		if _, err := m.inspector.RunAllScheduledTasks(q); err != nil {
			m.t.Fatal(err)
		}
	}
}

// pass lets d go by, and then what is due run until all of it waits again.
func (m *timeMachine) pass(d time.Duration) {
	m.t.Helper()
	m.skip(d)
	until(m.t, 60*time.Second, "everything that was due has run", func() bool {
		for q := range tasks.Queues() {
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

// waiting makes invoices of a number series that wait with a deadline so many days from the start.
func (m *timeMachine) waiting(start time.Time, nip, series string, lane ledger.Lane, days, n int) []tasks.Admission {
	m.t.Helper()
	var docs []tasks.Document
	vary := func(_ int, o *sample.Options) { o.Number = series + "/" + o.Number }
	for name, data := range sample.Invoices(nip, n, invoice.Today(start), vary) {
		docs = append(docs, tasks.Document{File: name, Data: data})
	}
	return m.admit(tasks.Terms{Lane: lane, Deadline: start.AddDate(0, 0, days)}, docs...)
}

// The gateway is down for three days, an hour a step, while more comes in, each day's with a nearer deadline than the day's before: first in, first out would be exactly wrong.
func TestOutage_GatewayDownForThreeDays_NothingGivenUp_FewLines_ThenItDrainsByDeadline(t *testing.T) {
	t.Parallel()
	const perPackage = 2
	var d *door
	o := quickSim
	o.Profile = simulator.Unlimited // its clock runs an hour a step, Redis's does not: the two would not count alike
	o.Delay = 10 * time.Minute      // what was handed over before is still being worked on when the gateway goes
	m := &timeMachine{}
	p := newPool(t, 2, o, func(c *config.Config) {
		d = newDoor(t, c.Gateway.URL)
		c.Gateway.URL = d.addr
		c.Sweep.After = time.Hour // a minute of it is a second here, in which no task is orphaned
		c.Packages.MaxInvoices, c.Packages.ExpressBelow = perPackage, 0
		// What is asked once an hour in truth is asked several times a second here.
		for _, r := range []*config.Rates{&c.Limits.Groups.Other, &c.Limits.Groups.SessionMisc, &c.Limits.Groups.OnlineSession, &c.Limits.Groups.SessionInvoiceList} {
			*r = config.Rates{PerSecond: config.Unlimited, PerMinute: config.Unlimited, PerHour: config.Unlimited}
		}
		// Narrow, so that a line forms when the gateway is back: the order matters only where there is not room for all.
		c.Limits.Groups.InvoiceSend = config.Rates{PerSecond: 2, PerMinute: config.Unlimited, PerHour: config.Unlimited}
		c.Limits.Groups.BatchSession = config.Rates{PerSecond: 1, PerMinute: config.Unlimited, PerHour: config.Unlimited}
	})
	m.pool, m.inspector = p, asynq.NewInspectorFromRedisClient(p.base.Asynq)
	p.now = m.clock
	start := time.Now()
	busy, quiet := sample.NIP(0), sample.NIP(1)
	p.work()
	p.work()

	before := m.waiting(start, busy, "BEFORE", ledger.Bulk, 10, 10*perPackage)
	until(t, 60*time.Second, "all of that is with KSeF", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Sent)] == int64(len(before))
	})
	d.shut.Store(true)
	down := time.Now()
	sessions := len(p.sim.Books().Sessions)
	logged := len(p.log.String())
	// The quiet tenant has nothing at KSeF, so one tenant's polls alone fail: that could be that
	// tenant's own trouble. The gateway is taken for down once something of the other has failed
	// too, and something else than polls.
	taken := append(m.waiting(start, quiet, "SCOUT", ledger.Bulk, 10, 1), m.waiting(start, busy, "SCOUT", ledger.Express, 10, 1)...)
	until(t, 60*time.Second, "the gateway is known to be down", func() bool {
		m.pass(time.Minute)
		return p.base.Redis.HGet(t.Context(), "ksef:circuit:"+strings.TrimPrefix(d.addr, "http://"), "until").Val() > "0"
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
	refused, lines := m.logged(p.log.String()[logged:])
	t.Logf("%d polls refused and %d lines of log in three days (%v), %d requests at the door", refused, lines, time.Since(down).Round(time.Second), d.refused.Load())
	if refused < 1500 {
		t.Errorf("only %d polls were refused: this test proves little", refused)
	}
	if lines > 2*hours {
		t.Errorf("%d lines of log in %d hours by two workers", lines, hours)
	}
	if n := len(p.sim.Books().Sessions); n != sessions {
		t.Errorf("%d sessions were opened through a shut door", n-sessions)
	}
	m.nothingUsedUp(taken, 0)
	// The busy tenant's sessions are asked for; the quiet one has to find out by a package, and one is enough.
	cut, err := p.base.Ledger.PackagesInState(t.Context(), ledger.PackageCut, time.Time{}, m.clock().Add(time.Hour), 100)
	if err != nil || len(cut) != 1 {
		t.Fatalf("%d packages were cut (%v) while nothing could leave, want one that knocks", len(cut), err)
	}

	d.shut.Store(false)
	back := time.Now()
	all := append(before, taken...)
	until(t, 2*time.Minute, "all is receipted", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		if err == nil && counts[string(ledger.Receipted)] == int64(len(all)) {
			return true
		}
		m.skip(time.Minute)
		<-time.After(time.Second) // what was due runs meanwhile
		return false
	})
	t.Logf("drained in %v", time.Since(back).Round(time.Second))
	p.balanced(len(all))
	m.nothingUsedUp(all, 1)
	knocked, err := p.base.Ledger.Package(t.Context(), cut[0])
	if err != nil {
		t.Fatal(err)
	}
	// Who would have to wait for less than two seconds does not stand in line but sleeps: so far may one pass another. Packages are twice as large while sessions are scarce.
	m.inOrder("batch", busy, "B", "", 4*perPackage)
	m.inOrder("batch", quiet, "Q", knocked.Session, 4*perPackage)
	m.inOrder("online", busy, "E", "", 6)
}

// logged counts tasks that were told to come back, and lines that an operator would see.
func (m *timeMachine) logged(text string) (refused, lines int) {
	for line := range strings.Lines(text) {
		var l struct{ Level, Verdict, Reason string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			m.t.Fatalf("%v: %s", err, line)
		}
		switch {
		case l.Level != "debug":
			lines++
		case l.Verdict == "later" && l.Reason == "outage":
			refused++
		}
	}
	return refused, lines
}

// nothingUsedUp holds that waiting has cost nothing: the ledger's attempts and resends, and the queue's retries.
func (m *timeMachine) nothingUsedUp(taken []tasks.Admission, attempts int) {
	m.t.Helper()
	for _, a := range taken {
		if inv := m.state(a); inv.Attempts != attempts || inv.Resends != 0 {
			m.t.Errorf("%s is %s, has travelled in %d sessions, want %d, and was sent anew %d times", inv.Number, inv.State, inv.Attempts, attempts, inv.Resends)
		}
	}
	for q := range tasks.Queues() {
		info, err := m.inspector.GetQueueInfo(q)
		if err != nil {
			m.t.Fatal(err)
		}
		if info.Archived > 0 {
			m.t.Errorf("queue %s: %d tasks were archived", q, info.Archived)
		}
		waiting, err := m.inspector.ListRetryTasks(q, asynq.PageSize(1000))
		if err != nil {
			m.t.Fatal(err)
		}
		for _, task := range waiting {
			if task.Retried > 3 { // those that found out that the gateway is down
				m.t.Errorf("%s has consumed %d retries by waiting", task.ID, task.Retried)
			}
		}
	}
}

// inOrder holds that a series was accepted in the order of its deadlines, which its numbers begin with; but for one session and a few places.
func (m *timeMachine) inOrder(lane, nip, series, but string, slip int) {
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
		if a.NIP == nip && a.Session != but && strings.HasPrefix(a.Number, series) && a.Number[len(series)] < 'A' {
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
			continue // two seconds' worth: there was room for them when the gateway came back, so they stood in no line
		}
		order = append(order, s.number)
	}
	want := slices.Sorted(slices.Values(order))
	var passed []string
	for i, number := range order {
		if !slices.Contains(want[max(0, i-slip):min(len(want), i+slip+1)], number) {
			passed = append(passed, number)
		}
	}
	// Probes rotate, so what finds out that the gateway is back is not what is due first: one of each
	// worker may go before its turn.
	if len(passed) > 2 {
		m.t.Errorf("%s of %s went in the order %v, want the nearest deadline first", series, nip, order)
		return
	}
	if len(order) < 25 {
		m.t.Errorf("only %v of %s were accepted", order, nip)
	}
}
