package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A standing is how one tenant stands at a sink. The standing exists while an outcome of the tenant
// is held, because the sink did not take it yet, or while outcomes of the tenant are left behind in
// the outbox. Without standings, a sink that refuses the results of one tenant would get no results
// of the others either.
//
// A blocked standing has its own place in the outbox. The sink has been told of the tenant's
// outcomes up to that place. The outcomes between that place and the sink's own place still wait.
// They are stored only in the outbox.

// Standing is one tenant at a sink. In the zero value, nothing of the tenant waits. Outcomes that
// name no tenant share the standing "", which is never blocked.
type Standing struct {
	Held   int64  `json:"held,omitempty"`   // invoices of which an outcome is held
	Cursor string `json:"cursor,omitempty"` // its own place in the outbox; "" when nothing was left behind
	Left   int64  `json:"left,omitempty"`   // about how many outcomes were left behind
	// Late says that some of the outcomes left behind were dropped from the outbox before the sink
	// could be told.
	Late bool `json:"late,omitempty"`
	// Outage is since when the sink takes nothing of this tenant, for a reason that concerns more
	// than a single result. It is 0 while the sink takes results. Probes and Next are as in
	// [SinkState].
	Outage Millis `json:"outage,omitempty"`
	Probes int    `json:"probes,omitempty"`
	Next   Millis `json:"next,omitempty"`
	// Asked is until when the sink asked to get no outcomes of this tenant, or 0.
	Asked Millis `json:"asked,omitempty"`
	// Slow says that the sink answers slowly when it gets results of this tenant. The standing is
	// blocked, and the sink gets a few results at a time.
	Slow bool `json:"slow,omitempty"`
	// Full says that as many invoices of the tenant are held as may be, so no more of its outcomes
	// are read.
	Full bool `json:"full,omitempty"`
	// Err says why the process that serves the sink tells it nothing of the tenant, although the
	// sink may be well. It is "" when the sink alone decides.
	Err string `json:"err,omitempty"`
	// Sick says that Err concerns only the refused documents of the tenant, because the key of
	// their records is sick.
	Sick bool `json:"sick,omitempty"`
	// Refused counts what the sink has refused of the tenant since it last took one of the tenant's
	// outcomes. It ends when no outcome of the tenant is held or left behind. As in [SinkState], it
	// does not decide what is tried next.
	Refused Streak `json:"refused,omitzero"`
	// Damaged says that the record could not be read or trusted. So nothing is known, and the
	// tenant has a place of its own at the beginning of the outbox: its outcomes are told again,
	// and none is missed.
	Damaged bool `json:"-"`
}

// State names how a sink stands with a tenant that [NotTold] lists: "out" when it takes nothing of
// the tenant, "full" as Full says, otherwise "waits". With "waits" the sink has asked for time, the
// tenant catches up, or the sink is told nothing of the tenant (see Err).
func (l *Standing) State() string {
	switch {
	case l.Err != "": // the sink may be well by now: nothing is tried that could show it
		return "waits"
	case l.Outage != 0:
		return "out"
	case l.Full:
		return "full"
	case l.Refused.Out:
		return "out"
	}
	return "waits"
}

// NextOf returns when the sink may next be told of outcomes of a tenant. While the sink takes
// nothing of some tenants, it is told of none of these tenants before s.Next. Other tenants do not
// wait for s.Next. But while the sink cannot be reached, all tenants wait for it.
func (s *SinkState) NextOf(l *Standing) Millis {
	if s.Outage != 0 && (s.Away || l.Outage != 0) {
		return max(s.Next, l.Next)
	}
	return l.Next
}

// NextCall returns when a sink that takes nothing is tried again with outcomes that wait in the
// outbox. It is the earliest time that NextOf returns for a tenant of which the sink takes nothing.
// If the sink cannot be reached, or if there is no such tenant, NextCall returns s.Next, which is 0
// if the time is not known.
func (s *SinkState) NextCall(standings map[string]*Standing) Millis {
	next := Millis(0)
	for _, l := range standings {
		if at := s.NextOf(l); l.Outage != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	if s.Away || next == 0 {
		return s.Next
	}
	return next
}

// Blocked reports whether the tenant has a place of its own in the outbox, so that its outcomes are
// left behind.
func (l *Standing) Blocked() bool { return l.Cursor != "" }

// Standings returns the standings of a sink by tenant. For a damaged standing see
// [Standing.Damaged].
func (ss *SinkStore) Standings(ctx context.Context, sink string) (map[string]*Standing, error) {
	found, err := ss.rdb.HGetAll(ctx, ss.key(keySinkStands, sink)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the tenants of sink %s: %w", sink, ss.sickSinkOr(ctx, sink, err))
	}
	out := make(map[string]*Standing, len(found))
	for tenant, packed := range found {
		var l Standing
		if json.Unmarshal([]byte(packed), &l) != nil || l.Cursor != "" && !ValidPlace(l.Cursor) {
			l = *DamagedStanding(tenant)
		}
		out[tenant] = &l
	}
	return out, nil
}

// DamagedStanding returns the standing of a tenant whose record says nothing that can be trusted.
func DamagedStanding(tenant string) *Standing {
	l := &Standing{Damaged: true}
	if tenant != "" {
		l.Cursor = PlaceOf(time.Time{})
	}
	return l
}

// CountHeld counts the invoices of which an outcome is held for a sink, by tenant. Invoices whose
// record cannot be read count for the tenant "". CountHeld reads every record. It should find the
// same counts as [Standing.Held] has.
func (ss *SinkStore) CountHeld(ctx context.Context, sink string) (map[string]int64, error) {
	out := map[string]int64{}
	for cursor := uint64(0); ; {
		page, next, err := ss.rdb.HScan(ctx, ss.key(keySinkHeld, sink), cursor, "", resealPage).Result()
		if err != nil {
			return nil, fmt.Errorf("count what sink %s has not taken: %w", sink, ss.sickSinkOr(ctx, sink, err))
		}
		for i := 0; i+1 < len(page); i += 2 {
			tenant := ""
			if list := ss.unpackHeld(keySinkHeld, sink, page[i], page[i+1]); len(list) > 0 {
				tenant = list[0].Tenant
			}
			out[tenant]++
		}
		if cursor = next; cursor == 0 {
			return out, nil
		}
	}
}

// standingArgs returns the operations that record standings.
func standingArgs(standings map[string]*Standing) ([]any, error) {
	var args []any
	for tenant, l := range standings {
		if l == nil || *l == (Standing{}) {
			args = append(args, "leave", tenant, "", "")
			continue
		}
		packed, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		args = append(args, "stand", tenant, "", string(packed))
	}
	return args, nil
}

// LeftBehind returns about how many outcomes all standings have left behind.
func LeftBehind(standings map[string]*Standing) (n int64) {
	for _, l := range standings {
		n += l.Left
	}
	return n
}

// NotTold lists, in order, the tenants whose outcomes the sink does not take, or is not told of.
func NotTold(standings map[string]*Standing) (tenants []string) {
	for tenant, s := range standings {
		if tenant != "" && s.notTold() {
			tenants = append(tenants, tenant)
		}
	}
	slices.Sort(tenants)
	return tenants
}

// notTold reports whether a person is to be shown how the sink stands with the tenant. A tenant may
// have a place of its own before anything waits there.
func (l *Standing) notTold() bool {
	switch l.State() {
	case "out", "full":
		return l.Refused.Out || l.Blocked() || l.Err != ""
	}
	slow := l.Slow && l.Next == 0
	return (l.Left > 0 || l.Held > 0) && (l.Err != "" || l.Blocked() && !slow)
}
