package page

import (
	"context"
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// Receiver is one of those who are told what became of invoices (docs/results.md).
type Receiver struct {
	Name    string
	Kind    string   // webhook, stream, folder or postgres
	Tenants []string // the names of those whose results it gets; nil: all
}

// Outbox is what the page reads of what receivers were told: [ledger.Ledger].
type Outbox interface {
	Outbox(ctx context.Context) (ledger.OutboxSpan, error)
	Outcomes(ctx context.Context, after string, n int) ([]ledger.Outcome, error)
	Told(ctx context.Context, outcomes []ledger.Outcome) ([]ledger.Told, error)
	Sink(ctx context.Context, sink string) (ledger.SinkState, error)
	SinkCounts(ctx context.Context, sink string) (held, failed int64, err error)
	HeldBack(ctx context.Context, sink string, skip, n int) ([]ledger.HeldBack, error)
	NewestFailed(ctx context.Context, sink string, skip, n int) ([]ledger.Held, bool, error)
}

var _ Outbox = (*ledger.Ledger)(nil)

// standingOf is how one receiver stands.
type standingOf struct {
	Receiver
	State string // ok, out or stopped
	Since time.Time
	Next  time.Time // of the next call, while it is out
	Error string    // of the last call; only for those who see all that it gets
	Whole bool      // the visitor sees all that it gets, so these are its counts

	Waiting, Held, Failed, Lost, Taken int64
	MoreWaiting, MoreHeld, MoreFailed  bool // there are more than were counted
}

// Tone is how its state is coloured.
func (s standingOf) Tone() string {
	if s.State != "ok" {
		return "bad"
	}
	return "good"
}

// Trouble reports what a person may have to look at.
func (s standingOf) Trouble() bool { return s.State != "ok" || s.Failed > 0 }

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
		if err != nil {
			return err
		}
		d.Receivers = append(d.Receivers, s)
	}
	return v.render(http.StatusOK, "deliveries", v.T("Deliveries"), d)
}

// asked is the tenant that the visitor asks for; "" is all that he sees.
func (v *deliveries) asked() (string, error) {
	tenant := v.r.URL.Query().Get("tenant")
	if tenant != "" && !v.sees(tenant) {
		return "", missing
	}
	return tenant, nil
}

// gets reports whether a receiver gets results that the visitor sees, or those of one tenant.
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

// standing reads how a receiver stands. Who does not see all that it gets, or asks for one tenant,
// is told the counts of what he sees, as far as it is read.
func (v *deliveries) standing(r Receiver, tenant string) (standingOf, error) {
	out := standingOf{Receiver: r, State: "ok", Whole: v.whole(r)}
	state, err := v.p.o.Outbox.Sink(v.ctx(), r.Name)
	if err != nil {
		return out, err
	}
	since := state.Outage
	switch {
	case state.Stopped != 0:
		out.State, since = "stopped", state.Stopped
	case state.Outage != 0:
		out.State, out.Next = "out", state.Next.Time()
	}
	out.Since = since.Time()
	if !out.Whole || tenant != "" {
		return out, v.count(&out, state, tenant)
	}
	span, err := v.p.o.Outbox.Outbox(v.ctx())
	if err != nil {
		return out, err
	}
	out.Waiting, out.Lost, out.Taken, out.Error = state.Behind(span), state.Lost, state.Taken, v.words.errorOf(state.Err)
	out.Held, out.Failed, err = v.p.o.Outbox.SinkCounts(v.ctx(), r.Name)
	return out, err
}

// count counts what the visitor sees of a receiver, or what is one tenant's.
func (v *deliveries) count(s *standingOf, state ledger.SinkState, tenant string) error {
	waiting, err := v.waiting(s.Receiver, state, tenant, maxCounted)
	if err != nil {
		return err
	}
	held, err := v.held(s.Name, tenant, maxCounted)
	if err != nil {
		return err
	}
	failed, err := v.failed(s.Name, tenant, maxCounted)
	s.Waiting, s.MoreWaiting = int64(len(waiting.Rows)), waiting.More
	s.Held, s.MoreHeld = int64(len(held.Rows)), held.More
	s.Failed, s.MoreFailed = int64(len(failed.Rows)), failed.More
	return err
}

// receiver returns the receiver in the path, where the visitor sees something that it gets.
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
		Tenant                string
		Receiver              standingOf
		Waiting, Held, Failed delivered
		Done                  string
		MayAct, MayCall       bool
	}{MayAct: v.MayAct(), MayCall: v.MayAct() && v.whole(r), Done: shortened(v.r.URL.Query().Get("done"), 6)}
	if d.Tenant, err = v.asked(); err != nil {
		return err
	}
	if d.Receiver, err = v.standing(r, d.Tenant); err != nil {
		return err
	}
	state, err := v.p.o.Outbox.Sink(v.ctx(), r.Name)
	if err != nil {
		return err
	}
	if d.Waiting, err = v.waiting(r, state, d.Tenant, maxListed); err != nil {
		return err
	}
	if d.Held, err = v.held(r.Name, d.Tenant, maxListed); err != nil {
		return err
	}
	if d.Failed, err = v.failed(r.Name, d.Tenant, maxListed); err != nil {
		return err
	}
	return v.render(http.StatusOK, "receiver", r.Name, d)
}
