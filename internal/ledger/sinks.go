package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// A sink receives every outcome, or those of some tenants. Outcomes of one invoice come in the
// order of the outbox. One process at a time serves the sink, under a lease. Outcomes that the sink
// has not taken are held by invoice. They delay only later outcomes of the same invoice.

// MaxFailed is how many outcomes that a sink did not take are kept for a person. When there are
// more, the oldest are deleted. A record has about 500 bytes.
const MaxFailed = 10_000

// failedKept is how long outcomes that a sink did not take are kept for a person.
const failedKept = 30 * 24 * time.Hour

// SinkState is how far a sink has got. The zero value is a sink that was told nothing yet.
type SinkState struct {
	Cursor string `redis:"cursor"` // the last outcome that was told, held or left behind
	Seen   int64  `redis:"seen"`   // how many outcomes were written up to the cursor; see [OutboxSpan]
	// Lost counts the outcomes of which the sink can no longer be told, because they left the
	// outbox or their records were dropped.
	Lost int64 `redis:"lost"`
	// Rewound is how far the sink had got when a person let it go back, or "". The sink was told of
	// the outcomes up to that place once before. So they are not counted as lost if the sink cannot
	// be told of them again.
	Rewound string `redis:"rewound"`
	Taken   int64  `redis:"taken"` // outcomes that it has taken
	// Dropped counts outcomes that were given up and are not kept any more, because there were more
	// than [MaxFailed]. ChangeSink does not write this field, because the script itself adds to it
	// in Redis.
	Dropped int64 `redis:"dropped"`
	// Outage is since when it has taken nothing of what was tried; 0 while it is well. Probes
	// counts the attempts since then, and Next is when the next one is due.
	Outage Millis `redis:"outage"`
	Probes int    `redis:"probes"`
	Next   Millis `redis:"next"`
	// Away says that the sink could not be reached, so Outage and Next concern every tenant. If
	// Away is false, Outage and Next concern only the tenants whose [Standing] has an outage.
	Away bool `redis:"away"`
	// Stopped is when the sink said that it wants no more outcomes, or 0. A person lets the sink go
	// on.
	Stopped Millis `redis:"stopped"`
	// Refused counts the outcomes that it has refused since it last took one. It only says how the
	// sink stands: what is tried next does not depend on it.
	Refused Streak `redis:"refused"`
	Err     string `redis:"err"` // of the last failure, "" while it is well; see [Held.Err]
}

// Behind returns about how many outcomes stand in the outbox behind the sink's place. Outcomes that
// are held or were left behind do not count.
func (s *SinkState) Behind(span OutboxSpan) int64 {
	if !AfterOutcome(span.Last, s.Cursor) {
		return 0
	}
	return min(max(span.Added-s.Seen, 1), span.Length)
}

// Held is one outcome that a sink has not taken.
type Held struct {
	Outcome
	First    Millis `json:"first"`         // when it was first tried; 0 when it only waits behind another one
	Attempts int    `json:"attempts"`      // so far
	Err      string `json:"err,omitempty"` // what came of the last attempt, sealed when there is a storage key
}

// Name returns the name of the outcome among those that were given up, which is its id and
// revision.
func (h *Held) Name() string { return h.ID + ":" + strconv.FormatInt(h.Rev, 10) }

// SinkStore keeps what sinks were told.
type SinkStore struct{ *store }

// LeaseSink lets the process with this token serve a sink alone for a time, or go on doing so. It
// reports false when another process serves it. With ttl 0 it releases the sink.
func (ss *SinkStore) LeaseSink(ctx context.Context, sink, token string, ttl time.Duration) (bool, error) {
	r, err := ss.run(ctx, leaseScript, ss.args(sink, token, ttl.Milliseconds()))
	if err != nil {
		return false, fmt.Errorf("lease sink %s: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	return number(cell(r, 0)) == 1, nil
}

// Sink returns how far a sink has got.
func (ss *SinkStore) Sink(ctx context.Context, sink string) (SinkState, error) {
	var s SinkState
	row := ss.rdb.HGetAll(ctx, ss.key(keySink, sink))
	if err := row.Err(); err != nil {
		return s, fmt.Errorf("read sink %s: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	if !readableSink(row) {
		return s, fmt.Errorf("read sink %s: %w", sink, cmp.Or(ss.CheckSink(ctx, sink), errDamaged))
	}
	if err := row.Scan(&s); err != nil {
		return s, fmt.Errorf("read sink %s: %w", sink, err)
	}
	s.Err = ss.openErr(sink, s.Err)
	if s.Refused.Taken != s.Taken {
		s.Refused = Streak{}
	}
	return s, nil
}

// SinkChange is what is recorded about a sink in one step.
type SinkChange struct {
	Token     string // of the process that serves it; "" for a person
	State     *SinkState
	Hold      map[string][]Held    // by invoice: the whole list; an empty one removes the record
	Next      map[string]time.Time // by invoice in Hold: the next attempt; without one, its time stays
	Later     map[string]time.Time // by invoice: the next attempt, where this process cannot read the record; the record stays
	Fail      []Held               // they are kept for a person
	Standings map[string]*Standing // by tenant; nil and the zero value remove it
	// AllDue says that for everything that is held, the next attempt is due now.
	AllDue bool
	// Forget names failures that are no longer kept.
	Forget []string
	// DropOld deletes the failures that are so old that no person needs them any more. It must be
	// set only while a second clock agrees with Redis's, because a wrong clock would make new
	// failures look old.
	DropOld bool
}

// ChangeSink records a change. If c has a token and the process with this token no longer serves
// the sink, ChangeSink writes nothing and returns false. ChangeSink adds to State.Dropped how many
// failures were deleted because there were too many.
func (ss *SinkStore) ChangeSink(ctx context.Context, sink string, c SinkChange) (bool, error) {
	now, err := ss.Clock(ctx)
	if err != nil {
		return false, err
	}
	var fields []any
	if s := c.State; s != nil {
		sealed, err := ss.sealText(sinkText(sink), s.Err)
		if err != nil {
			return false, err
		}
		refused, err := s.Refused.packed()
		if err != nil {
			return false, err
		}
		fields = []any{"cursor", s.Cursor, "seen", s.Seen, "lost", s.Lost, "taken", s.Taken, "outage", int64(s.Outage),
			"probes", s.Probes, "next", int64(s.Next), "away", s.Away, "stopped", int64(s.Stopped), "err", sealed,
			"rewound", s.Rewound, "refused", refused}
	}
	before := int64(0)
	if c.DropOld {
		before = now.Add(-failedKept).UnixMilli()
	}
	args := append(ss.args(sink, c.Token, MaxFailed, before, len(fields)), fields...)
	for id, list := range c.Hold {
		if len(list) == 0 {
			args = append(args, "drop", id, "", "")
			continue
		}
		packed, err := ss.packHeld(sink, list...)
		if err != nil {
			return false, err
		}
		next := ""
		if t := c.Next[id]; !t.IsZero() {
			next = strconv.FormatInt(t.UnixMilli(), 10)
		}
		args = append(args, "hold", id, next, packed)
	}
	for id, at := range c.Later {
		args = append(args, "later", id, strconv.FormatInt(at.UnixMilli(), 10), "")
	}
	for _, h := range c.Fail {
		packed, err := ss.packHeld(sink, h)
		if err != nil {
			return false, err
		}
		args = append(args, "fail", h.Name(), "", packed)
	}
	standings, err := standingArgs(c.Standings)
	if err != nil {
		return false, err
	}
	args = append(args, standings...)
	for _, name := range c.Forget {
		args = append(args, "forget", name, "", "")
	}
	if c.AllDue {
		args = append(args, "all due", "", "", "")
	}
	r, err := ss.run(ctx, sinkScript, args)
	if err != nil {
		return false, fmt.Errorf("record sink %s: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	if c.State != nil {
		c.State.Dropped += number(cell(r, 1))
	}
	return number(cell(r, 0)) == 1, nil
}

// packHeld returns outcomes as Redis has them. With a storage key the errors are sealed, because
// the answer of a sink may quote the result that was sent to it. The reasons are sealed already.
func (ss *SinkStore) packHeld(sink string, list ...Held) (string, error) {
	list = slices.Clone(list)
	for i := range list {
		var err error
		if list[i].Err, err = ss.sealText(sinkText(sink), list[i].Err); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(list)
	return string(raw), err
}

// unpackHeld returns the outcomes of one record of the key keySinkHeld or keySinkFailed. It returns
// none when a newer build or another program wrote the record. It also returns none when the record
// is not under the name of its outcomes, because these could then never be removed.
func (ss *SinkStore) unpackHeld(key, sink, name, packed string) []Held {
	var list []Held
	if json.Unmarshal([]byte(packed), &list) != nil {
		return nil
	}
	for i := range list {
		h := &list[i]
		own := h.ID
		if key == keySinkFailed {
			own = h.Name()
		}
		if own != name || !h.possible() {
			return nil
		}
		h.Err = ss.openErr(sink, h.Err)
	}
	return list
}

// possible reports whether the ledger can have written such an outcome. State "" stands for the
// present state of the invoice.
func (o *Outcome) possible() bool {
	if o.At != "" && !ValidPlace(o.At) {
		return false
	}
	if o.State == "" {
		return o.Rev >= 0
	}
	return o.Rev > 0 && (o.State.Final() || o.Refusal() && o.State == stateRefused)
}

func (ss *SinkStore) openErr(sink, stored string) string {
	text, ok := ss.openText(sinkText(sink), stored)
	if !ok {
		return "(" + encryptedHere + ")"
	}
	return text
}

func sinkText(sink string) string { return sink + "|sink" }

// DueSink lists up to n invoices whose next attempt is due now, in the order in which they became
// due. An attempt that lies further ahead than the duration longest is due too, because only a
// wrong clock can have written such a time.
func (ss *SinkStore) DueSink(ctx context.Context, sink string, now time.Time, longest time.Duration, n int) ([]string, error) {
	key := ss.key(keySinkDue, sink)
	var due, far *redis.StringSliceCmd
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		until, beyond := strconv.FormatInt(now.UnixMilli(), 10), strconv.FormatInt(now.Add(longest).UnixMilli(), 10)
		due = p.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: until, Count: int64(n)})
		far = p.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: "(" + beyond, Max: "+inf", Count: int64(n)})
	}); err != nil {
		return nil, fmt.Errorf("list what sink %s has not taken: %w", sink, err)
	}
	if err := cmp.Or(due.Err(), far.Err()); err != nil {
		return nil, fmt.Errorf("list what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	ids := append(due.Val(), far.Val()...)
	return ids[:min(n, len(ids))], nil
}

// NextTry returns when the next attempt at any outcome that a sink has not taken is due. It returns
// the zero time when nothing is held.
func (ss *SinkStore) NextTry(ctx context.Context, sink string) (time.Time, error) {
	first, err := ss.rdb.ZRangeWithScores(ctx, ss.key(keySinkDue, sink), 0, 0).Result()
	if err != nil || len(first) == 0 {
		return time.Time{}, ss.sickSinkOr(ctx, sink, err)
	}
	return Millis(first[0].Score).Time(), nil
}

// SinkCounts counts the invoices of which a sink has not taken an outcome, and the outcomes that
// were given up.
func (ss *SinkStore) SinkCounts(ctx context.Context, sink string) (held, failed int64, err error) {
	var h, f *redis.IntCmd
	if err := ss.pipe(ctx, func(p redis.Pipeliner) {
		h, f = p.ZCard(ctx, ss.key(keySinkDue, sink)), p.ZCard(ctx, ss.key(keySinkGaveUp, sink))
	}); err != nil {
		return 0, 0, fmt.Errorf("count what sink %s has not taken: %w", sink, err)
	}
	if err := cmp.Or(h.Err(), f.Err()); err != nil {
		return 0, 0, fmt.Errorf("count what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	return h.Val(), f.Val(), nil
}
