package sinks

import (
	"context"
	"strings"
	"time"
	"unicode"

	"ksefworker/internal/ledger"
)

// round is the work of one run. A run has many rounds; what begins with change is of one of them.
type round struct {
	*Runner
	token     string
	state     ledger.SinkState
	begun     bool                        // the receiver has a place in the outbox
	standings map[string]*ledger.Standing // by tenant
	touched   map[string]bool             // standings that are to be recorded
	served    map[string]int              // tenant → the turn in which it caught up last
	turn      int

	change ledger.SinkChange
	items  []*item
	of     map[string]*item         // by invoice
	there  map[string][]ledger.Held // what was held of invoices of which an outcome was read
	chosen int                      // outcomes that the present step has added
	passed int                      // how many were read, or left behind
}

// begin reads how far the receiver has got, and counts what left the outbox before it was told. A
// new receiver begins at the oldest outcome that is kept.
func (r *round) begin(ctx context.Context) error {
	l := r.Editor.Ledger
	var err error
	if r.state, err = l.Sink(ctx, r.Name); err != nil {
		return err
	}
	span, err := l.Outbox(ctx)
	if err != nil {
		return err
	}
	gone := span.Added - span.Length
	r.begun = r.state.Cursor != ""
	if r.begun && !ledger.AfterOutcome(span.Last, r.state.Cursor) {
		r.state.Seen = span.Added // it may have been rewound, which leaves the count too low
	}
	if missed := gone - r.state.Seen; missed > 0 {
		if r.begun {
			r.state.Lost += missed
			r.Log.Error().Str("receiver", r.Name).Int64("outcomes", missed).
				Msg("outcomes left the outbox before this receiver could be told of them; see docs/results.md on how to catch up")
		}
		r.state.Seen = gone
	}
	if r.standings, err = l.Standings(ctx, r.Name); err != nil {
		return err
	}
	held, _, err := l.SinkCounts(ctx, r.Name)
	if err != nil {
		return err
	}
	r.touched, r.served = map[string]bool{}, map[string]int{}
	return r.beginStandings(span, held, func() (map[string]int64, error) { return l.CountHeld(ctx, r.Name) })
}

// item is one outcome of a round.
type item struct {
	ledger.Held
	behind []ledger.Held // later ones of the same invoice, which wait for it
	fresh  bool          // it was read from the outbox in this round
	edited Edited
	err    error
}

// work does one round. It reports whether another one may find something to do at once.
func (r *round) work(ctx context.Context) (more bool, err error) {
	if r.state.Stopped != 0 || rests(&r.state, r.standings, r.now()) {
		return false, nil
	}
	size := r.batch()
	if r.state.Outage != 0 {
		size = 1 // one of each kind: a sick result must not make a healthy receiver seem out
	}
	r.change = ledger.SinkChange{Token: r.token, Hold: map[string][]ledger.Held{}, Next: map[string]time.Time{},
		Later: map[string]time.Time{}, Standings: map[string]*ledger.Standing{}}
	r.items, r.of, r.there, r.passed = nil, map[string]*item{}, map[string][]ledger.Held{}, 0
	for _, step := range []func(context.Context, int) error{r.due, r.fresh, r.catchUp} {
		if err := step(ctx, size); err != nil {
			return false, err
		}
	}
	if len(r.items) == 0 && r.passed == 0 && len(r.change.Later) == 0 && len(r.change.Hold) == 0 {
		return false, nil
	}
	if err := r.deliver(ctx, r.items); err != nil {
		return false, err
	}
	r.conclude(r.items)
	r.arrange()
	r.change.State = &r.state
	for tenant := range r.touched {
		r.change.Standings[tenant] = r.standings[tenant]
	}
	clear(r.touched)
	ours, err := r.Editor.Ledger.ChangeSink(ctx, r.Name, r.change)
	return ours, err
}

// due adds outcomes that are held and to be tried again now, the first of each invoice. Those of a
// tenant of which the receiver takes nothing are put off, but for one.
func (r *round) due(ctx context.Context, n int) error {
	ids, err := r.Editor.Ledger.DueSink(ctx, r.Name, r.now(), n)
	if err != nil {
		return err
	}
	there, err := r.held(ctx, ids)
	if err != nil {
		return err
	}
	probed := map[string]bool{}
	for _, id := range ids {
		list := there[id]
		if len(list) == 0 {
			r.change.Hold[id] = nil // only its time was left
			continue
		}
		tenant := list[0].Tenant
		if l := r.standings[tenant]; l != nil && !r.whole() && tenant != "" {
			if l.Next.Time().After(r.now()) {
				r.change.Later[id] = l.Next.Time()
				continue
			}
			if l.Outage != 0 && probed[tenant] {
				r.change.Later[id] = r.now().Add(r.pause(1))
				continue
			}
			probed[tenant] = true
		}
		it := &item{Held: list[0], behind: list[1:]}
		r.items = append(r.items, it)
		r.of[id] = it
	}
	return nil
}

// damaged is what is shown of outcomes that were held and cannot be read.
const damaged = "what was held of this invoice cannot be read: its present state was told in its place, earlier outcomes were not"

// replaceDamaged records that what is held of an invoice cannot be read, and returns what is held
// from now on.
func replaceDamaged(id string, now time.Time, change *ledger.SinkChange) []ledger.Held {
	present := ledger.Held{Outcome: ledger.Outcome{ID: id, At: ledger.PlaceOf(now)}}
	failed := present
	failed.Err = damaged
	change.Fail = append(change.Fail, failed)
	change.Hold[id], change.Next[id] = []ledger.Held{present}, now
	return change.Hold[id]
}

// held returns what is held of invoices. What cannot be read never will be: it is recorded as given
// up, and the present state of the invoice takes its place, which is told unless a later outcome is
// (see deliver).
func (r *round) held(ctx context.Context, ids []string) (map[string][]ledger.Held, error) {
	there, unread, err := r.Editor.Ledger.NotTaken(ctx, r.Name, ids)
	for _, id := range unread {
		there[id] = replaceDamaged(id, r.now(), &r.change)
		r.Log.Error().Str("receiver", r.Name).Str("id", id).
			Msg("a result that was held for this receiver is damaged: the present state of the invoice is told in its place")
	}
	return there, err
}

// deliver hands the results over.
func (r *round) deliver(ctx context.Context, items []*item) error {
	outcomes := make([]ledger.Outcome, len(items))
	for i, it := range items {
		outcomes[i] = it.Outcome
	}
	edited, err := r.Editor.Edit(ctx, outcomes, Wants(r.Tenants))
	if err != nil {
		return err
	}
	var messages []Message
	var of []*item
	for i, it := range items {
		it.edited, it.err = edited[i], edited[i].Err
		if it.State == "" && (len(it.behind) > 0 || edited[i].Changed.Time().After(r.told(it.edited.Tenant))) {
			it.edited.Gone = true // it stands for the present state, and a later outcome is told
		}
		if it.err == nil && !it.edited.Gone {
			messages, of = append(messages, edited[i].Message), append(of, it)
		}
	}
	if len(messages) == 0 {
		return nil
	}
	for i, err := range r.Sink.Deliver(ctx, messages) {
		of[i].err = err
	}
	// A process that is told to stop interrupts its calls. That says nothing about the receiver.
	return context.Cause(ctx)
}

// told returns until when the receiver was told of the outcomes of a tenant.
func (r *round) told(tenant string) time.Time {
	o := ledger.Outcome{At: r.state.Cursor}
	if l := r.standings[tenant]; l != nil && l.Blocked() {
		o.At = l.Cursor
	}
	return o.Time()
}

// conclude writes down what became of each outcome, and how the receiver is.
func (r *round) conclude(items []*item) {
	now := r.now()
	var errs []error
	of := map[string]*tried{}
	for _, it := range items {
		if it.edited.Gone {
			r.settle(it, nil)
			continue
		}
		if it.edited.Err == nil {
			errs = append(errs, it.err)
			t := of[it.edited.Tenant]
			if t == nil {
				t = &tried{}
				of[it.edited.Tenant] = t
			}
			if t.errs = append(t.errs, it.err); it.fresh {
				t.fresh++
			}
		}
		r.settle(it, it.err)
		if it.err == nil {
			r.state.Taken++
		}
	}
	v, whole := verdictOf(errs), r.whole()
	r.judge(of)
	if v.gone {
		r.state.Stopped = ledger.At(now)
		r.Log.Error().Str("receiver", r.Name).Err(v.err).
			Msg("this receiver wants no results any more; it gets none until a person runs enqueue deliveries resume " + r.Name)
	}
	switch {
	case v.out && r.state.Outage == 0 && outTenants(r.standings) == 0 && of[""] == nil:
		// One result that it did not take before either: that says nothing about the receiver.
	case v.out:
		if r.state.Outage == 0 {
			r.state.Outage = ledger.At(now)
			r.Log.Warn().Str("receiver", r.Name).Err(v.err).Msg("this receiver takes no results; they wait, and others are not concerned")
		}
		r.state.Probes++
		r.state.Next = ledger.At(now.Add(max(r.pause(r.state.Probes), v.after)))
	case len(errs) > 0:
		if r.state.Outage != 0 && anyTaken(errs) {
			r.Log.Info().Str("receiver", r.Name).Stringer("after", now.Sub(r.state.Outage.Time()).Round(time.Second)).
				Msg("this receiver takes results again")
			r.state.Outage, r.state.Probes = 0, 0
			r.probe(whole, of)
		}
		if r.state.Next = 0; v.after > 0 {
			// The tenants that were told to wait do so; the receiver takes results of others.
			r.state.Next = ledger.At(now.Add(min(v.after, maxAfterSome)))
		}
	}
	switch {
	case v.err != nil:
		r.state.Err = short(v.err.Error())
	case len(errs) > 0:
		r.state.Err = ""
	}
	if len(errs) == 0 && r.state.Outage != 0 { // nothing was tried
		r.state.Next = 0
	}
}

// probe lets all tenants be tried at once when a receiver takes results again, but those of which
// it has just taken none.
func (r *round) probe(whole bool, of map[string]*tried) {
	if !whole {
		return
	}
	for tenant, l := range r.standings {
		if l.Outage != 0 && of[tenant] == nil {
			r.standing(tenant).Next = 0
		}
	}
}

// anyTaken reports whether one of the results was taken.
func anyTaken(errs []error) bool {
	for _, err := range errs {
		if err == nil {
			return true
		}
	}
	return false
}

// settle decides about one outcome: taken, tried again later, or given up.
func (r *round) settle(it *item, err error) {
	now := r.now()
	if err == nil {
		r.hold(it, it.behind, now)
		return
	}
	h := it.Held
	h.Attempts++
	h.Err = short(err.Error())
	if h.First == 0 {
		h.First = ledger.At(now)
	}
	late := now.Sub(h.First.Time()) >= Patience
	// Outcomes without a tenant are not left behind: nothing would say later that these are they.
	full := it.fresh && it.edited.Tenant == "" && r.standing("").Held >= r.share()
	if late || full {
		r.change.Fail = append(r.change.Fail, h)
		r.hold(it, it.behind, now)
		why := "this result was not taken in three days"
		if !late {
			why = "too many results without a tenant are held, so this one"
		}
		r.Log.Error().Str("receiver", r.Name).Str("id", h.ID).Err(err).Msg(why + " is not tried any more; enqueue deliveries list shows it")
		return
	}
	r.hold(it, append([]ledger.Held{h}, it.behind...), now.Add(r.pause(h.Attempts)))
}

// hold records what of an invoice is held from now on, and counts it for its tenant.
func (r *round) hold(it *item, list []ledger.Held, next time.Time) {
	if it.fresh && len(list) == 0 {
		return
	}
	for i := range list {
		if tenant := it.edited.Tenant; tenant != "" {
			list[i].Tenant = tenant
		}
	}
	if !it.fresh { // the tenant of a damaged one is not known; the next run counts again
		l := r.standing(it.Tenant)
		l.Held = max(l.Held-1, 0)
	}
	if len(list) > 0 {
		r.standing(list[0].Tenant).Held++
	}
	r.change.Hold[it.ID], r.change.Next[it.ID] = list, next
}

// maxErr is how many bytes of an error are kept.
const maxErr = 400

// short returns an error in one line without control characters.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxErr {
		s = strings.ToValidUTF8(s[:maxErr], "") + "…"
	}
	return s
}
