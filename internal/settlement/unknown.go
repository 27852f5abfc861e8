package settlement

import (
	"net/http"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// lostAfter is how long a session may be unknown to KSeF before its package counts as lost. Until
// then one of KSeF's machines may lag behind.
const lostAfter = 10 * time.Minute

func (u *Unknown) caused(d Decision) Decision {
	d.Wait.Cause = u.Err
	return d
}

// unknown decides about a session that KSeF opened but refuses to tell anything about. The refusal
// proves nothing about the invoices, and sending them again could make duplicates. So after a while
// KSeF's register is searched instead. An invoice that is in the register with our content is
// accepted. Only a person can find out about the others, in KSeF's own application.
func (r Rules) unknown(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	why := listed.Unknown
	switch listed.Stage {
	case Answers:
		switch {
		case why.Status != http.StatusNotFound && why.Status != http.StatusBadRequest:
			return why.caused(poll(""))
		case p.Lost == 0:
			d := why.caused(wait(r.ConfirmFirst, retry.ReasonRefused, ""))
			d.Package.Lost = now
			return d
		case now.Sub(p.Lost.Time()) < lostAfter:
			return why.caused(wait(time.Minute, retry.ReasonRefused, ""))
		case !held.Read:
			return ask(TheHeld)
		}
		return Decision{Moves: forRegister(p, held, why)}
	case Originals:
		if listed.Conflicts > 0 {
			return wait(time.Second, retry.ReasonOther, "somebody else was faster")
		}
		return originals(p, held)
	}
	if len(held.Undecided(p.ID)) > 0 {
		return wait(time.Second, retry.ReasonOther, "somebody else was faster")
	}
	return endRefused(p, held, why.Code, why.Text)
}

// forRegister marks what is to be looked for in the register.
func forRegister(p ledger.Package, held Held, why *Unknown) []Move {
	var marks []Move
	for _, inv := range held.Undecided(p.ID) {
		if inv.OriginalBy == "" {
			marks = append(marks, Move{Invoice: inv, Fate: LookUp, Code: why.Code, Reason: why.Text,
				Original: Original{Session: p.Session, By: BySearch}})
		}
	}
	return marks
}
