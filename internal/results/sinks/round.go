package sinks

import (
	"context"
	"strings"
	"time"
	"unicode"

	"ksefworker/internal/ledger"
)

// round is the work of one run.
type round struct {
	*Runner
	token string
	state ledger.SinkState
	begun bool // the receiver has a place in the outbox
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
	return nil
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
	if r.state.Stopped != 0 || r.state.Next.Time().After(r.now()) {
		return false, nil
	}
	size := r.batch()
	if r.state.Outage != 0 {
		size = 1 // one that is held and one that is new: a sick result must not make a healthy receiver seem out
	}
	change := ledger.SinkChange{Token: r.token, Hold: map[string][]ledger.Held{}, Next: map[string]time.Time{},
		Later: map[string]time.Time{}}
	items, err := r.due(ctx, size, &change)
	if err != nil {
		return false, err
	}
	held, _, err := r.Editor.Ledger.SinkCounts(ctx, r.Name)
	if err != nil {
		return false, err
	}
	read := 0
	if held < maxHeld {
		if items, read, err = r.fresh(ctx, size, items, &change); err != nil {
			return false, err
		}
	}
	if len(items) == 0 && read == 0 && len(change.Later) == 0 {
		return false, nil
	}
	if err := r.deliver(ctx, items); err != nil {
		return false, err
	}
	r.conclude(items, &change)
	change.State = &r.state
	ours, err := r.Editor.Ledger.ChangeSink(ctx, r.Name, change)
	if err == nil {
		r.traceDelivered(ctx, items)
	}
	return ours, err
}

// unreadAgain is the pause of a held outcome that this build cannot read. A newer one may.
const unreadAgain = time.Hour

// due returns the outcomes that are held and to be tried again now, the first of each invoice. One
// that cannot be read is put off, so that it does not stand before the others.
func (r *round) due(ctx context.Context, n int, change *ledger.SinkChange) ([]*item, error) {
	ids, err := r.Editor.Ledger.DueSink(ctx, r.Name, r.now(), n)
	if err != nil {
		return nil, err
	}
	there, err := r.Editor.Ledger.NotTaken(ctx, r.Name, ids)
	if err != nil {
		return nil, err
	}
	var items []*item
	for _, id := range ids {
		list := there[id]
		if len(list) == 0 {
			change.Later[id] = r.now().Add(unreadAgain)
			r.Log.Error().Str("receiver", r.Name).Str("id", id).Stringer("again_in", unreadAgain).
				Msg("a result that is held for this receiver cannot be read by this build; the others go on")
			continue
		}
		items = append(items, &item{Held: list[0], behind: list[1:]})
	}
	return items, nil
}

// fresh adds outcomes from the outbox and moves the receiver's place behind them. An outcome of an
// invoice of which one is held, waits behind that one. The round ends before the second outcome of
// an invoice.
func (r *round) fresh(ctx context.Context, n int, items []*item, change *ledger.SinkChange) ([]*item, int, error) {
	l := r.Editor.Ledger
	outcomes, err := l.Outcomes(ctx, r.state.Cursor, n)
	if err != nil || len(outcomes) == 0 {
		return items, 0, err
	}
	ids := make([]string, len(outcomes))
	for i := range outcomes {
		ids[i] = outcomes[i].ID
	}
	there, err := l.NotTaken(ctx, r.Name, ids)
	if err != nil {
		return items, 0, err
	}
	of := map[string]*item{}
	for _, it := range items {
		of[it.ID] = it
	}
	read := 0
	for _, o := range outcomes {
		h := ledger.Held{Outcome: o}
		switch first := of[o.ID]; {
		case first != nil && first.fresh:
			return items, read, nil
		case first != nil:
			first.behind = append(first.behind, h)
		case there[o.ID] != nil:
			there[o.ID] = append(there[o.ID], h)
			change.Hold[o.ID] = there[o.ID]
		default:
			it := &item{Held: h, fresh: true}
			of[o.ID] = it
			items = append(items, it)
		}
		read++
		r.state.Cursor = o.At
		r.state.Seen++
	}
	return items, read, nil
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

// conclude writes down what became of each outcome, and how the receiver is.
func (r *round) conclude(items []*item, change *ledger.SinkChange) {
	now := r.now()
	var errs []error
	for _, it := range items {
		if it.edited.Gone {
			r.settle(it, nil, change)
			continue
		}
		if it.edited.Err == nil {
			errs = append(errs, it.err)
		}
		r.settle(it, it.err, change)
		if it.err == nil {
			r.state.Taken++
		}
	}
	v := verdictOf(errs)
	if v.gone {
		r.state.Stopped = ledger.At(now)
		r.Log.Error().Str("receiver", r.Name).Err(v.err).
			Msg("this receiver wants no results any more; it gets none until a person runs enqueue deliveries resume " + r.Name)
	}
	switch {
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
		}
		if r.state.Next = 0; v.after > 0 {
			r.state.Next = ledger.At(now.Add(v.after))
		}
	}
	if r.state.Err = ""; v.err != nil {
		r.state.Err = short(v.err.Error())
	}
	if len(errs) == 0 && r.state.Outage != 0 { // nothing was tried
		r.state.Next = 0
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
func (r *round) settle(it *item, err error, change *ledger.SinkChange) {
	now := r.now()
	if err == nil {
		if !it.fresh || len(it.behind) > 0 {
			change.Hold[it.ID], change.Next[it.ID] = it.behind, now
		}
		return
	}
	h := it.Held
	h.Attempts++
	h.Err = short(err.Error())
	if h.First == 0 {
		h.First = ledger.At(now)
	}
	if now.Sub(h.First.Time()) >= Patience {
		change.Fail = append(change.Fail, h)
		change.Hold[it.ID], change.Next[it.ID] = it.behind, now
		r.Log.Error().Str("receiver", r.Name).Str("id", h.ID).Err(err).
			Msg("this result was not taken in three days and is not tried any more; enqueue deliveries list shows it")
		return
	}
	change.Hold[it.ID] = append([]ledger.Held{h}, it.behind...)
	change.Next[it.ID] = now.Add(r.pause(h.Attempts))
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
