package sinks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
)

// round is the state of one run, which works in rounds. The fields from change on belong to the
// present round.
type round struct {
	*Runner
	token     string
	now       time.Time // by Redis's clock, when the round began or when the receiver had answered
	agreed    bool      // this machine's clock agreed with Redis's
	state     ledger.SinkState
	standings map[string]*ledger.Standing // by tenant
	touched   map[string]bool             // standings that are to be recorded
	served    map[string]int              // tenant → the turn in which it caught up last
	strangers map[string]string           // tenants whose results are not told, with the NIPs that their names mean
	sick      map[string]bool             // tenants whose records of refused documents were found sick
	turn      int

	change ledger.SinkChange
	items  []*item
	of     map[string]*item         // by invoice
	there  map[string][]ledger.Held // what was held for the invoices of the outcomes read
	chosen int                      // outcomes that the present step has added
	passed int                      // outcomes that were passed in the outbox, and reads that catchUp made
	slow   int                      // outcomes of slow tenants that this round may still take
}

// begin reads how far the receiver has got. A new receiver begins at the oldest outcome that is
// kept.
func (r *round) begin(ctx context.Context) error {
	store := r.Editor.Ledger
	var err error
	if r.state, err = store.Sink(ctx, r.Name); err != nil {
		return err
	}
	span, err := store.Outbox(ctx)
	if err != nil {
		return err
	}
	if r.state.Cursor != "" && !ledger.AfterOutcome(span.Last, r.state.Cursor) {
		r.state.Seen = span.Added // the receiver may have been rewound, and then its count is too low
	}
	if r.standings, err = store.Standings(ctx, r.Name); err != nil {
		return err
	}
	if err := readClock(ctx, r); err != nil {
		return err
	}
	if err := store.Relist(ctx, r.Name, r.token); err != nil {
		return err
	}
	held, _, err := store.SinkCounts(ctx, r.Name)
	if err != nil {
		return err
	}
	r.touched, r.served, r.sick = map[string]bool{}, map[string]int{}, map[string]bool{}
	distrustAhead(r)
	beginDamaged(r)
	r.state.Outage = notAfter(r.state.Outage, r.now)
	return r.beginStandings(span, held, func() (map[string]int64, error) { return store.CountHeld(ctx, r.Name) })
}

// readClock reads the time that the next steps go by.
func readClock(ctx context.Context, r *round) (err error) {
	r.now, r.agreed, err = r.clock().Read(ctx)
	return err
}

// item is one outcome of a round.
type item struct {
	ledger.Held
	behind []ledger.Held // later outcomes of the same invoice, which wait for this one
	fresh  bool          // it was read from the outbox in this round
	edited Edited
	err    error
	took   time.Duration // as in [Message]
}

// work does one round. It reports whether another round may find something to do at once.
func (r *round) work(ctx context.Context) (more bool, err error) {
	if err := readClock(ctx, r); err != nil {
		return false, err
	}
	if r.state.Stopped != 0 || rests(&r.state, r.now) {
		return false, nil
	}
	size := r.batch()
	if r.state.Outage != 0 {
		size = 1 // for each of the three steps: a single bad result must not make a healthy receiver seem out
	}
	r.change = ledger.SinkChange{Token: r.token, Hold: map[string][]ledger.Held{}, Next: map[string]time.Time{},
		Later: map[string]time.Time{}, Standings: map[string]*ledger.Standing{}}
	if err := findStrangers(ctx, r); err != nil {
		return false, err
	}
	leaveStrangers(r)
	r.slow = slowAtOnce
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
	if err := readClock(ctx, r); err != nil { // the receiver may have taken long to answer
		return false, err
	}
	r.conclude(r.items)
	if err := sayUntold(ctx, r); err != nil {
		return false, err
	}
	r.arrange()
	r.change.State, r.change.DropOld = &r.state, r.agreed
	for tenant := range r.touched {
		r.change.Standings[tenant] = r.standings[tenant]
	}
	clear(r.touched)
	before := r.state.Dropped
	ours, err := r.Editor.Ledger.ChangeSink(ctx, r.Name, r.change)
	if n := r.state.Dropped - before; n > 0 {
		r.Log.Error().Str("receiver", r.Name).Int64("results", n).Int("kept", ledger.MaxFailed).
			Msg("the oldest results that this receiver did not take are not kept any more, because there are too many; " +
				"see docs/results.md on how to catch up")
	}
	if err == nil {
		traceDelivered(ctx, r, r.items)
	}
	return ours, err
}

// due adds to the round up to n held outcomes whose next try is due, and only the first held
// outcome of each invoice. If the receiver takes no results of a tenant, at most one outcome of
// that tenant is tried and its other outcomes are put off. The outcomes of strangers are put off
// too, and so are those of slow tenants when the round may take no more of them.
func (r *round) due(ctx context.Context, n int) error {
	ids, err := r.Editor.Ledger.DueSink(ctx, r.Name, r.now, maxAhead, r.batch())
	if err != nil {
		return err
	}
	there, err := r.held(ctx, ids)
	if err != nil {
		return err
	}
	probed := map[string]bool{}
	for _, id := range ids {
		if len(r.items) == n {
			break
		}
		list := there[id]
		if len(list) == 0 { // a person deleted the sick key of the held outcomes
			list = replaceDamaged(id, r.now, &r.change)
		}
		tenant := list[0].Tenant
		if r.stranger(tenant) {
			r.change.Later[id] = r.now.Add(r.pause(1))
			continue
		}
		if st := r.standings[tenant]; st != nil {
			if r.waits(st) {
				r.change.Later[id] = r.state.NextOf(st).Time()
				continue
			}
			if st.Outage != 0 && probed[tenant] {
				r.change.Later[id] = r.now.Add(r.pause(1))
				continue
			}
			probed[tenant] = true
			if st.Slow {
				if r.slow--; r.slow < 0 {
					r.change.Later[id] = r.now.Add(r.pause(1))
					continue
				}
			}
		}
		it := &item{Held: list[0], behind: list[1:]}
		r.items = append(r.items, it)
		r.of[id] = it
	}
	return nil
}

// damaged is the error that is shown for held outcomes that cannot be read.
const damaged = "what was held of this invoice cannot be read: the invoice's present state was sent instead; earlier outcomes were not sent"

// replaceDamaged records that the held outcomes of an invoice cannot be read. It returns what is
// held in their place from now on.
func replaceDamaged(id string, now time.Time, change *ledger.SinkChange) []ledger.Held {
	present := ledger.Held{Outcome: ledger.Outcome{ID: id, At: ledger.PlaceOf(now)}}
	failed := present
	failed.Err = damaged
	change.Fail = append(change.Fail, failed)
	change.Hold[id], change.Next[id] = []ledger.Held{present}, now
	return change.Hold[id]
}

// held returns what is held for the invoices. A held outcome that cannot be read now can never be
// read, so it is recorded as given up. The present state of the invoice takes its place, and the
// receiver is told that state unless it is told a later outcome (see deliver).
func (r *round) held(ctx context.Context, ids []string) (map[string][]ledger.Held, error) {
	there, unread, err := r.Editor.Ledger.NotTaken(ctx, r.Name, ids)
	for _, id := range unread {
		there[id] = replaceDamaged(id, r.now, &r.change)
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
	edited, err := r.Editor.Edit(ctx, outcomes, r.Wants.gets)
	if err != nil {
		return err
	}
	for i, it := range items {
		it.edited, it.err = edited[i], edited[i].Err
	}
	if err := noteUnread(ctx, r, edited); err != nil {
		return err
	}
	keepOrphans(r, items)
	if err := keepStrangers(ctx, r, items); err != nil {
		return err
	}
	var ready []*item
	for i, it := range items {
		if it.State == "" && (len(it.behind) > 0 || edited[i].Changed.Time().After(r.told(it.edited.Tenant))) {
			it.edited.Gone = true // it stands for the present state, and a later outcome is told
		}
		if it.err == nil && !it.edited.Gone {
			ready = append(ready, it)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	of := inTurns(ready)
	messages := make([]Message, len(of))
	for i, it := range of {
		messages[i] = it.edited.Message
	}
	for i, err := range r.Sink.Deliver(ctx, messages) {
		of[i].err, of[i].took = err, messages[i].Took
	}
	// A process that is told to stop interrupts its calls. That says nothing about the receiver.
	return context.Cause(ctx)
}
