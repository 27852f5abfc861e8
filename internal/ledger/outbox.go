package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/plural"
)

// The outbox holds the outcomes of invoices that became final and of refused documents, in the
// order in which they were written. The script that moves an invoice writes the outcome in the same
// step. Each sink (sinks.go) reads the outbox from where it stopped.
//
// An outcome contains what may change in the entry later. For example, after a retry a rejected
// invoice has another state and no reason. The rest is read from the entry when a sink is told. The
// outbox is bounded by count and by age, so that Redis does not fill up while a sink takes nothing.

// stateRefused is the state of an outcome that is about a refused document, which is not an
// invoice.
const stateRefused State = "refused"

// Outcome is one entry of the outbox.
type Outcome struct {
	At    string `json:"at,omitempty"` // its place in the outbox; [AfterOutcome] compares places
	ID    string `json:"id"`           // of the invoice or the refusal
	Rev   int64  `json:"rev"`          // of the entry when it was written
	State State  `json:"state"`
	// Tenant is the tenant of the invoice or refusal. Tenant is "" in outcomes of invoices that an
	// earlier build wrote, and in outcomes of tenants whose name needs an escape in JSON. The entry
	// has the tenant, too.
	Tenant     string `json:"tenant,omitempty"`
	Code       int    `json:"code,omitempty"`
	KsefNumber string `json:"number,omitempty"`
	// Reason is stored as in the entry, so it is sealed when there is a storage key.
	Reason string `json:"reason,omitempty"`
}

// Refusal reports whether the outcome is about a refused document.
func (o *Outcome) Refusal() bool { return strings.HasPrefix(o.ID, refusalPrefix) }

// Time returns when the outcome was written, by Redis's clock.
func (o *Outcome) Time() time.Time {
	ms, _, _ := strings.Cut(o.At, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return Millis(n).Time()
}

// PlaceOf returns the lowest place that an outcome written at t or later can have.
func PlaceOf(t time.Time) string { return strconv.FormatInt(max(t.UnixMilli(), 0), 10) + "-0" }

// AfterOutcome reports whether place a is behind place b. "" is before every place.
func AfterOutcome(a, b string) bool {
	ams, aseq := splitPlace(a)
	bms, bseq := splitPlace(b)
	return ams > bms || ams == bms && aseq > bseq
}

// ValidPlace reports whether s has the form of a place in the outbox.
func ValidPlace(s string) bool {
	ms, seq, found := strings.Cut(s, "-")
	_, err1 := strconv.ParseUint(ms, 10, 63) // not the largest ID, because Redis refuses to read behind that one
	_, err2 := strconv.ParseUint(seq, 10, 64)
	return found && err1 == nil && err2 == nil
}

func splitPlace(s string) (ms, seq uint64) {
	a, b, _ := strings.Cut(s, "-")
	ms, _ = strconv.ParseUint(a, 10, 64)
	seq, _ = strconv.ParseUint(b, 10, 64)
	return ms, seq
}

// OutboxStore reads the outbox.
type OutboxStore struct {
	*store
	entries  *EntryReader
	refusals *RefusalStore
}

// Outcomes reads up to n outcomes behind a place; "" is the beginning.
func (ob *OutboxStore) Outcomes(ctx context.Context, after string, n int) ([]Outcome, error) {
	found, err := ob.xrange(ctx, ob.rdb, after, n).Result()
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", sickOr(err, keyOutbox))
	}
	return outcomesOf(found), nil
}

// OutcomesAndSpan reads what [OutboxStore.Outcomes] and [OutboxStore.Outbox] read. Both results are
// of the same moment: if the outbox drops outcomes behind the place between the two commands,
// OutcomesAndSpan reads everything again.
func (ob *OutboxStore) OutcomesAndSpan(ctx context.Context, after string, n int) ([]Outcome, OutboxSpan, error) {
	for {
		var (
			info  *redis.XInfoStreamCmd
			found *redis.XMessageSliceCmd
		)
		// At maxmemory Redis runs no transaction, so this is a mere pipeline, and outcomes may be
		// dropped between its two commands.
		_, err := ob.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			info, found = p.XInfoStream(ctx, ob.key(keyOutbox)), ob.xrange(ctx, p, after, n)
			return nil
		})
		if err != nil && !noOutbox(err) {
			return nil, OutboxSpan{}, fmt.Errorf("read the outbox: %w", sickOr(err, keyOutbox))
		}
		out, span := outcomesOf(found.Val()), spanOf(info.Val())
		switch {
		case len(out) > 0 && (span.First == "" || AfterOutcome(span.First, after) && out[0].At != span.First):
		case len(out) == 0 && AfterOutcome(span.Last, after):
		default:
			return out, span, nil
		}
	}
}

func (ob *OutboxStore) xrange(ctx context.Context, c redis.StreamCmdable, after string, n int) *redis.XMessageSliceCmd {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	return c.XRangeN(ctx, ob.key(keyOutbox), from, "+", int64(n))
}

func outcomesOf(found []redis.XMessage) []Outcome {
	out := make([]Outcome, len(found))
	for i, m := range found {
		rev, _ := strconv.ParseInt(text(m.Values["rev"]), 10, 64)
		code, _ := strconv.Atoi(text(m.Values["code"]))
		out[i] = Outcome{
			At: m.ID, ID: text(m.Values["id"]), Rev: rev, State: State(text(m.Values["state"])), Tenant: text(m.Values["tenant"]),
			Code: code, KsefNumber: text(m.Values["number"]), Reason: text(m.Values["reason"]),
		}
	}
	return out
}

// noOutbox reports whether the error says that nothing was ever written into the outbox.
func noOutbox(err error) bool { return redis.HasErrorPrefix(err, "no such key") }

// OutboxSpan is what the outbox holds.
type OutboxSpan struct {
	First, Last string // places; "" when it is empty
	Length      int64
	// Added counts all outcomes that were ever written. Of these, Added - Length have left the
	// outbox.
	Added int64
}

// Outbox returns what the outbox holds; the zero value before the first outcome.
func (ob *OutboxStore) Outbox(ctx context.Context) (OutboxSpan, error) {
	info, err := ob.rdb.XInfoStream(ctx, ob.key(keyOutbox)).Result()
	switch {
	case noOutbox(err):
		return OutboxSpan{}, nil
	case err != nil:
		return OutboxSpan{}, fmt.Errorf("read the outbox: %w", sickOr(err, keyOutbox))
	}
	return spanOf(info), nil
}

// spanOf returns the zero value for nil.
func spanOf(info *redis.XInfoStream) OutboxSpan {
	if info == nil {
		return OutboxSpan{}
	}
	return OutboxSpan{First: info.FirstEntry.ID, Last: info.LastEntry.ID, Length: info.Length,
		Added: max(info.EntriesAdded, info.Length)}
}

// TrimOutbox drops the outcomes that are older than keep, even those that a sink has not been told
// of.
func (ob *OutboxStore) TrimOutbox(ctx context.Context, keep time.Duration) error {
	now, err := ob.Clock(ctx)
	if err == nil {
		oldest := strconv.FormatInt(now.Add(-keep).UnixMilli(), 10)
		// An old storage key is needed until the outcomes that it sealed are gone. So the outbox is
		// trimmed exactly. Approximate trimming would keep some outcomes for longer.
		err = ob.rdb.XTrimMinID(ctx, ob.key(keyOutbox), oldest).Err()
	}
	if err != nil {
		return fmt.Errorf("trim the outbox: %w", err)
	}
	return nil
}

// rejoinPiece bounds the time of one script: Redis appends a thousand outcomes in a few
// milliseconds.
const rejoinPiece = 1000

// Rejoin appends to the outbox the outcomes that were set aside while the key of the outbox held
// another type. While the key still holds another type, Rejoin leaves them where they are. It
// returns how many it has appended. New outcomes are set aside too until all are appended, so that
// the outcomes of one invoice stay in order. The last piece appends what is left in one step.
func (ob *OutboxStore) Rejoin(ctx context.Context) (n int, err error) {
	for {
		answer, err := ob.run(ctx, rejoinScript, ob.args(rejoinPiece))
		if err != nil {
			return n, fmt.Errorf("append the outcomes that were set aside: %w", err)
		}
		moved, _ := answer[0].(int64)
		if n += int(moved); moved < rejoinPiece {
			return n, nil
		}
	}
}

// NotKept says which outcomes could not be kept. The key of the outbox held another type. The
// outcomes could not be set aside either, because the key for that held another type too, or had
// too many outcomes already. No sink is told of them. The zero value means that there are none.
type NotKept struct {
	N            int64
	Since, Until time.Time // when they were written
}

// NotKept returns which outcomes could not be kept. They are forgotten when failedKept has passed
// since the last of them, or a person has deleted the record. While the key of the record is sick,
// nobody can say how many there are, and NotKept returns an [*UnreadableError].
func (ob *OutboxStore) NotKept(ctx context.Context) (NotKept, error) {
	v, err := ob.rdb.HMGet(ctx, ob.key(keyNotKept), "n", "since", "until").Result()
	if err != nil {
		return NotKept{}, fmt.Errorf("read which outcomes were not kept: %w", sickOr(err, keyNotKept))
	}
	if number(v[0]) <= 0 {
		return NotKept{}, nil
	}
	return NotKept{N: number(v[0]), Since: Millis(number(v[1])).Time(), Until: Millis(number(v[2])).Time()}, nil
}

// String says what is missing, why, and what a person has to do about it.
func (n NotKept) String() string {
	return fmt.Sprintf("%s written between %s and %s could not be kept, because the keys %s and %s behind redis.prefix were sick, "+
		"or too many were set aside: no receiver is told of them; enqueue results --since %[2]s and "+
		"enqueue results --since %[2]s --state refused list what became final since; "+
		"delete the key %[6]s once the receivers have these lists", plural.Of(n.N, "outcome", "outcomes"),
		n.Since.UTC().Format(time.RFC3339), n.Until.UTC().Format(time.RFC3339), keyOutbox, keyAside, keyNotKept)
}

// tellRefusals puts refusals, or their ends, into the outbox, in the pipeline that writes the
// refusals.
func tellRefusals(ctx context.Context, st *store, p redis.Pipeliner, tenant string, refusals []Refusal) {
	if st.outbox == 0 || len(refusals) == 0 {
		return
	}
	args := []any{st.prefix, st.outbox, tenant}
	for i := range refusals {
		r, state := &refusals[i], stateRefused
		if r.Ended != "" {
			state = State(r.Ended)
		}
		args = append(args, r.ID, r.Revision(), string(state))
	}
	tellScript.Eval(ctx, p, nil, args...) // by its text, because a pipeline cannot load a script that is missing
}

// errNoOutbox says that this pool keeps no outbox.
var errNoOutbox = errors.New("no outbox is kept: results.outbox is 0")

// KeepsOutbox returns an error when this ledger writes no outcomes.
func (ob *OutboxStore) KeepsOutbox() error {
	if ob.outbox == 0 {
		return errNoOutbox
	}
	return nil
}
