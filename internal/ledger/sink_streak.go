package ledger

import "encoding/json"

// Streak counts the outcomes that a sink has refused since it last took one. The sink refused each
// of these outcomes for its own sake, so no other outcome waits because of it. Outages are counted
// elsewhere.
type Streak struct {
	Count int64  `json:"count,omitempty"` // different outcomes
	First Millis `json:"first,omitempty"` // when the first of them was refused
	// Taken is [SinkState.Taken] as it was when the streak was written. When the two differ, a
	// build that does not know streaks has counted an outcome as taken since, and the streak is
	// over. It is 0 in a [Standing].
	Taken int64 `json:"taken,omitempty"`
	// Out says that so many outcomes were refused, or for so long, that the sink counts as one that
	// takes nothing.
	Out bool `json:"out,omitempty"`
}

// ScanRedis reads a streak as Redis has it. A damaged one counts as none.
func (s *Streak) ScanRedis(packed string) error {
	if json.Unmarshal([]byte(packed), s) != nil {
		*s = Streak{}
	}
	return nil
}

func (s Streak) packed() (string, error) {
	if s == (Streak{}) {
		return "", nil
	}
	raw, err := json.Marshal(s)
	return string(raw), err
}

// Out returns since when the sink takes nothing, because of an outage or because it has refused
// every single outcome. It returns 0 while the sink takes outcomes.
func (s *SinkState) Out() Millis { return outSince(s.Outage, s.Refused) }

// Out is like [SinkState.Out], but for one tenant. It also returns 0 while the sink is told nothing
// of the tenant for another reason (see Err).
func (l *Standing) Out() Millis {
	if l.Err != "" {
		return 0
	}
	return outSince(l.Outage, l.Refused)
}

func outSince(outage Millis, s Streak) Millis {
	if outage == 0 && s.Out {
		return s.First
	}
	return outage
}
