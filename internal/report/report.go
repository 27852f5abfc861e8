package report

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Fact is what is known about one invoice, or about one document that was refused.
type Fact struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	Number   string    `json:"number"`
	Day      string    `json:"day"` // P_1; without one, the day on which the document was refused
	State    string    `json:"state"`
	Code     int       `json:"code"`
	Reason   string    `json:"reason"`
	Gross    *Amount   `json:"gross"` // P_15; nil when it is not known
	Currency string    `json:"currency"`
	Taken    time.Time `json:"taken,omitzero"`    // when it was handed in
	Numbered time.Time `json:"numbered,omitzero"` // when KSeF accepted it
	Deadline time.Time `json:"deadline,omitzero"` // legal

	rules  []string         // of the faults of a refused document
	faults []explain.Defect // the same faults with their places
	more   int              // faults that are not on record
}

// Took returns the time from being handed in to the KSeF number. It returns false when one of the
// two times is unknown or the invoice has no KSeF number.
func (f Fact) Took() (time.Duration, bool) {
	if f.Taken.IsZero() || f.Numbered.IsZero() {
		return 0, false
	}
	return f.Numbered.Sub(f.Taken), true
}

// Line counts the invoices of one tenant and day in one state and currency.
type Line struct {
	Tenant   string  `json:"tenant"`
	Day      string  `json:"day"`
	State    string  `json:"state"`
	Currency string  `json:"currency"` // "" where the amount is not known
	Invoices int     `json:"invoices"`
	Sum      *Amount `json:"sum"`     // of P_15
	Unknown  int     `json:"unknown"` // invoices whose amount is not known: Sum lacks them
}

// Reason counts the documents that were refused, rejected or parked for one reason.
type Reason struct {
	State    string        `json:"state"`
	Why      explain.Entry `json:"why"`
	Invoices int           `json:"invoices"`
	Example  Fact          `json:"example"`
}

// Report is a whole report.
type Report struct {
	From   string    `json:"from"` // P_1, both days included
	To     string    `json:"to"`
	Tenant string    `json:"tenant"` // "" is all
	Made   time.Time `json:"made"`
	// ArchiveOnly says that only the archive was asked, so invoices on their way are missing.
	ArchiveOnly bool     `json:"archive_only"`
	Lines       []Line   `json:"lines"` // by tenant, day, state, currency
	Reasons     []Reason `json:"reasons"`
	Slowest     []Fact   `json:"slowest"`
	Untimed     int      `json:"untimed"` // accepted invoices of which nobody knows how long they took
	AtRisk      []Fact   `json:"at_risk"` // nearest deadline first, at most MaxListed
	AtRiskCount int      `json:"at_risk_count"`
}

const (
	// MaxListed is how many invoices at risk are listed. All of them are counted.
	MaxListed = 100
	// maxSlowest is how many of the slowest invoices are listed.
	maxSlowest = 20
)

// Collector adds facts up. Its memory does not grow with the number of invoices. It is safe for
// concurrent use.
type Collector struct {
	RiskBefore time.Time // an invoice that is not decided and is due before this time is at risk

	mu      sync.Mutex
	lines   map[lineKey]*Line
	reasons map[reasonKey]*Reason
	slowest []Fact
	risk    []Fact
	risks   int
	untimed int
}

type (
	lineKey   struct{ tenant, day, state, currency string }
	reasonKey struct{ state, why string }
)

// Add adds one fact. The caller adds each invoice once.
func (c *Collector) Add(f Fact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == nil {
		c.lines, c.reasons = map[lineKey]*Line{}, map[reasonKey]*Reason{}
	}
	key := lineKey{f.Tenant, f.Day, f.State, f.Currency}
	line := c.lines[key]
	if line == nil {
		line = &Line{Tenant: f.Tenant, Day: f.Day, State: f.State, Currency: f.Currency, Sum: &Amount{}}
		c.lines[key] = line
	}
	line.Invoices++
	if f.Gross == nil {
		line.Unknown++
	} else {
		line.Sum.Add(f.Gross)
	}
	state := ledger.State(f.State)
	switch {
	case f.State == results.Refused || state.Open():
		c.reason(f)
	case state.InKSeF():
		if _, known := f.Took(); known {
			c.slowest = keepFirst(append(c.slowest, f), maxSlowest, slower)
		} else {
			c.untimed++
		}
	case !state.Final() && !f.Deadline.IsZero() && f.Deadline.Before(c.RiskBefore):
		c.risks++
		c.risk = keepFirst(append(c.risk, f), MaxListed, dueFirst)
	}
}

func (c *Collector) reason(f Fact) {
	about := explain.About(explain.Facts{State: f.State, Code: f.Code, Reason: f.Reason, Rules: f.rules})
	if len(about) == 0 {
		return
	}
	key := reasonKey{f.State, about[0].Name()}
	r := c.reasons[key]
	if r == nil {
		r = &Reason{State: f.State, Why: about[0], Example: f}
		c.reasons[key] = r
	}
	r.Invoices++
	if f.ID < r.Example.ID { // the same example in whatever order the facts come
		r.Example = f
	}
}

// keepFirst keeps at least the first n by an order. It sorts and cuts only when there are twice as
// many.
func keepFirst(all []Fact, n int, order func(a, b Fact) int) []Fact {
	if len(all) < 2*n {
		return all
	}
	slices.SortFunc(all, order)
	return slices.Clip(all[:n])
}

func slower(a, b Fact) int {
	ta, _ := a.Took()
	tb, _ := b.Took()
	return cmp.Or(-cmp.Compare(ta, tb), cmp.Compare(a.ID, b.ID))
}

func dueFirst(a, b Fact) int { return cmp.Or(a.Deadline.Compare(b.Deadline), cmp.Compare(a.ID, b.ID)) }

// Report returns what was added up so far, in an order that does not depend on the order of the
// facts. From, To, Tenant, Made and ArchiveOnly are left to the caller.
func (c *Collector) Report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Report{Lines: []Line{}, Reasons: []Reason{}, Untimed: c.untimed, AtRiskCount: c.risks}
	for _, l := range c.lines {
		r.Lines = append(r.Lines, *l)
	}
	slices.SortFunc(r.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Day, b.Day),
			cmp.Compare(stateOrder(a.State), stateOrder(b.State)), cmp.Compare(a.Currency, b.Currency))
	})
	for _, reason := range c.reasons {
		r.Reasons = append(r.Reasons, *reason)
	}
	slices.SortFunc(r.Reasons, func(a, b Reason) int {
		return cmp.Or(-cmp.Compare(a.Invoices, b.Invoices), cmp.Compare(stateOrder(a.State), stateOrder(b.State)),
			cmp.Compare(a.Why.Name(), b.Why.Name()))
	})
	slices.SortFunc(c.slowest, slower)
	slices.SortFunc(c.risk, dueFirst)
	r.Slowest = slices.Clone(c.slowest[:min(len(c.slowest), maxSlowest)])
	r.AtRisk = slices.Clone(c.risk[:min(len(c.risk), MaxListed)])
	return r
}

// stateOrder is the order of the path of an invoice; a refused document comes last.
func stateOrder(state string) int {
	for i, s := range ledger.States() {
		if string(s) == state {
			return i
		}
	}
	return len(ledger.States())
}
