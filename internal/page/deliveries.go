package page

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
)

// Receiver is a webhook, stream, folder or database that is told what became of invoices
// (docs/results.md).
type Receiver struct {
	Name    string
	Kind    string   // webhook, stream, folder or postgres
	Tenants []string // the names of the tenants whose results it gets; nil: all
}

// Outbox reads what receivers of results were told, and the state of each receiver. [ledger.Ledger]
// implements it.
type Outbox interface {
	Outbox(ctx context.Context) (ledger.OutboxSpan, error)
	Outcomes(ctx context.Context, after string, n int) ([]ledger.Outcome, error)
	Told(ctx context.Context, outcomes []ledger.Outcome) ([]ledger.Told, error)
	CheckSink(ctx context.Context, sink string) error
	Sink(ctx context.Context, sink string) (ledger.SinkState, error)
	SinkCounts(ctx context.Context, sink string) (held, failed int64, err error)
	Standings(ctx context.Context, sink string) (map[string]*ledger.Standing, error)
	HeldBack(ctx context.Context, sink string, skip, n int) ([]ledger.HeldBack, error)
	NewestFailed(ctx context.Context, sink string, skip, n int) ([]ledger.Held, bool, error)
}

var _ Outbox = (*ledger.Ledger)(nil)

// standingOf is the state of one receiver.
type standingOf struct {
	Receiver
	State string // ok, out or stopped
	Since time.Time
	Next  time.Time // of the next call, while the receiver is out
	Error string    // of the last call; "" when standing leaves the counts 0
	Whole bool      // the visitor sees all that the receiver gets
	Sick  bool      // a key of the receiver is sick, so nothing else is known; Error names the key if Whole

	Waiting, Held, Failed, Lost, Taken int64
	MoreWaiting, MoreHeld, MoreFailed  bool // there are more than were counted

	Tenants []tenantOf // tenants whose results the receiver does not take; it may take results of other tenants

	cursor string // where the receiver is in the outbox
	own    map[string]*ledger.Standing
}

// tenantOf is the state of a receiver for one tenant.
type tenantOf struct {
	Name        string
	State       string // out, full, waits, sick or stranger
	Since, Next time.Time
	Left, Held  int64
	Error       string // why none of its results are told, or why one of them is held; "" when neither is known
}

// Tone is how the receiver's state is coloured.
func (s standingOf) Tone() string {
	if s.State != "ok" {
		return "bad"
	}
	return "good"
}

// Trouble reports whether a person may have to look at the receiver.
func (s standingOf) Trouble() bool { return s.State != "ok" || s.Failed > 0 || len(s.Tenants) > 0 }

// tenantsOf lists the tenants whose results a receiver does not take now. It lists only tenants
// that the visitor sees and asks for.
func (v *deliveries) tenantsOf(state *ledger.SinkState, own map[string]*ledger.Standing, tenant string) []tenantOf {
	var all []tenantOf
	for _, name := range ledger.NotTold(own) {
		if s := own[name]; v.wanted(name, tenant) {
			one := tenantOf{Name: name, State: s.State(), Since: s.Out().Time(), Next: state.NextOf(s).Time(),
				Left: s.Left, Held: s.Held}
			switch {
			case s.Sick:
				one.State = "sick"
			case s.Err != "" || v.stranger(name) != "":
				one.State = "stranger"
			}
			if v.User.All() || s.Sick { // the error of a stranger names a NIP that does not concern others
				one.Error = v.words.errorOf(s.Err)
			}
			all = append(all, one)
		}
	}
	return all
}

func (v *deliveries) all() error {
	v.here = "deliveries"
	tenant, err := v.asked()
	if err != nil {
		return err
	}
	d := struct {
		Tenant    string
		Receivers []standingOf
	}{Tenant: tenant}
	for _, r := range v.p.o.Receivers {
		if !v.gets(r, tenant) {
			continue
		}
		s, err := v.standing(r, tenant)
		if err == nil && !s.Sick && (!s.Whole || tenant != "") {
			_, err = v.lists(&s, tenant, maxListed)
		}
		if err != nil {
			return err
		}
		d.Receivers = append(d.Receivers, s)
	}
	return v.render(http.StatusOK, "deliveries", v.T("Deliveries"), d)
}

// asked returns the tenant that the visitor asks for; "" means all tenants that the visitor sees.
func (v *deliveries) asked() (string, error) {
	tenant := v.r.URL.Query().Get("tenant")
	if tenant != "" && !v.sees(tenant) {
		return "", missing
	}
	return tenant, nil
}

// gets reports whether a receiver gets results of this tenant. With tenant "" it reports whether
// the receiver may get results that the visitor sees.
func (v *deliveries) gets(r Receiver, tenant string) bool {
	switch {
	case tenant != "":
		return r.Tenants == nil || slices.Contains(r.Tenants, tenant)
	case v.User.All() || r.Tenants == nil:
		return true
	}
	return slices.ContainsFunc(r.Tenants, v.sees)
}

// whole reports whether the visitor sees all that a receiver gets.
func (v *deliveries) whole(r Receiver) bool {
	return v.User.All() || r.Tenants != nil && !slices.ContainsFunc(r.Tenants, func(t string) bool { return !v.sees(t) })
}

// standing reads the state of a receiver. It counts all results that the receiver gets. When the
// visitor sees only some of them, or asks for one tenant, standing leaves the counts 0 and Error
// empty. In that case [deliveries.lists] sets the counts.
func (v *deliveries) standing(r Receiver, tenant string) (standingOf, error) {
	out := standingOf{Receiver: r, State: "ok", Whole: v.whole(r)}
	err := v.p.o.Outbox.CheckSink(v.ctx(), r.Name)
	if sick := ledger.SickSink(err); sick != nil { // nothing else is known of it
		out.State, out.Sick = "out", true
		if out.Whole {
			all := make([]string, len(sick))
			for i, u := range sick {
				all[i] = v.words.errorOf(u.Err.Error())
			}
			out.Error = strings.Join(all, "; ")
		}
		return out, nil
	}
	if err != nil {
		return out, err
	}
	state, err := v.p.o.Outbox.Sink(v.ctx(), r.Name)
	if err != nil {
		return out, err
	}
	out.cursor = state.Cursor
	if out.own, err = v.p.o.Outbox.Standings(v.ctx(), r.Name); err != nil {
		return out, err
	}
	if state.Stopped == 0 {
		out.Tenants = v.tenantsOf(&state, out.own, tenant)
	}
	since := state.Out()
	switch {
	case state.Stopped != 0:
		out.State, since = "stopped", state.Stopped
	case state.Outage != 0:
		out.State, out.Next = "out", state.NextCall(out.own).Time()
	case since != 0: // there is no pause, because the next results are tried at once
		out.State = "out"
	}
	out.Since = since.Time()
	if !out.Whole || tenant != "" {
		return out, nil
	}
	span, err := v.p.o.Outbox.Outbox(v.ctx())
	if err != nil {
		return out, err
	}
	out.Waiting, out.Lost, out.Taken, out.Error = state.Behind(span)+ledger.LeftBehind(out.own), state.Lost+state.Dropped,
		state.Taken, v.words.errorOf(state.Err)
	out.Held, out.Failed, err = v.p.o.Outbox.SinkCounts(v.ctx(), r.Name)
	return out, err
}

// lists are the results that a receiver has not taken.
type lists struct{ Waiting, Held, Failed delivered }

// lists reads the results that a receiver has not taken and that the visitor sees, up to limit of
// each kind. When the visitor sees only some of the receiver's results, or asks for one tenant,
// lists sets the counts of s to the numbers of results in out.
func (v *deliveries) lists(s *standingOf, tenant string, limit int) (out lists, err error) {
	until := time.Now().Add(deliveryTime)
	if out.Waiting, err = v.waiting(s, tenant, limit, until); err != nil {
		return out, err
	}
	if out.Held, err = v.held(s.Name, tenant, limit, until); err != nil {
		return out, err
	}
	if out.Failed, err = v.failed(s.Name, tenant, limit, until); err != nil {
		return out, err
	}
	if !s.Whole || tenant != "" {
		s.Waiting, s.MoreWaiting = int64(len(out.Waiting.Rows)), out.Waiting.More
		s.Held, s.MoreHeld = int64(len(out.Held.Rows)), out.Held.More
		s.Failed, s.MoreFailed = int64(len(out.Failed.Rows)), out.Failed.More
	}
	return out, nil
}

// sayWhy sets the error of each tenant that has none. It takes the error of the first of the
// tenant's held results.
func sayWhy(tenants []tenantOf, held []delivery) {
	why := map[string]string{}
	for i := range held {
		if h := &held[i]; why[h.Tenant] == "" {
			why[h.Tenant] = h.Error
		}
	}
	for i := range tenants {
		tenants[i].Error = cmp.Or(tenants[i].Error, why[tenants[i].Name])
	}
}

// receiver returns the receiver in the path. The visitor must see something that the receiver gets.
func (v *deliveries) receiver() (Receiver, error) {
	name := v.r.PathValue("name")
	for _, r := range v.p.o.Receivers {
		if r.Name == name && v.gets(r, "") {
			return r, nil
		}
	}
	return Receiver{}, missing
}

// maxListed is how many rows each list of a receiver's page has.
const maxListed = 100

func (v *deliveries) one() error {
	v.here = "deliveries"
	r, err := v.receiver()
	if err != nil {
		return err
	}
	d := struct {
		lists
		Tenant          string
		Receiver        standingOf
		Done            string
		MayAct, MayCall bool
	}{MayAct: v.MayAct(), MayCall: v.MayAct() && v.whole(r), Done: shortened(v.r.URL.Query().Get("done"), 6)}
	if d.Tenant, err = v.asked(); err != nil {
		return err
	}
	if d.Receiver, err = v.standing(r, d.Tenant); err != nil {
		return err
	}
	if !d.Receiver.Sick {
		if d.lists, err = v.lists(&d.Receiver, d.Tenant, maxListed); err != nil {
			return err
		}
	}
	sayWhy(d.Receiver.Tenants, d.Held.Rows)
	return v.render(http.StatusOK, "receiver", r.Name, d)
}
