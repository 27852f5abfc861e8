package settlement

import (
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

const (
	// refusalFirst and refusalMax bound the pause before a refused package is sent again, while
	// nothing else of the tenant goes through.
	refusalFirst = 5 * time.Second
	refusalMax   = time.Hour
	// aloneTries is how often an invoice that is alone in its package is sent again while nothing
	// shows that KSeF takes anything at present. The pauses are about two and a half hours in all.
	// Then the invoice is parked for a person.
	aloneTries = 11
	// keyPause is the pause before a new session when KSeF could not read the session key of a
	// package that was itself made from a refused one. For that package the public key had been
	// fetched again already, which did not help.
	keyPause = time.Minute
)

// refusalPause returns the pause before the n-th try of a package after its refusals. n counts from
// 0. A negative n counts as 0.
func refusalPause(n int) time.Duration { return min(refusalFirst<<min(max(n, 0), 10), refusalMax) }

// TenantRest returns how long all packages of a tenant rest after KSeF has refused more than
// Rules.Refusals sessions of the tenant in a row. Otherwise it returns 0. After the pause they have
// one try together, because separate tries of all packages would use up the hour's sessions.
func (r Rules) TenantRest(t ledger.Tenant) time.Duration {
	if t.Refusals <= r.Refusals {
		return 0
	}
	return refusalPause(t.Refusals - r.Refusals - 1)
}

// TenantRestsUntil returns the end of the pause that [Rules.TenantRest] returns, or the zero time
// when there is no pause.
func (r Rules) TenantRestsUntil(t ledger.Tenant) time.Time {
	if pause := r.TenantRest(t); pause > 0 {
		return t.RefusedAt.Time().Add(pause)
	}
	return time.Time{}
}

// Refused decides about a package that KSeF refused as a whole, or for which KSeF refused to open a
// session. The invoices go into a new package, and the public key is fetched again. After
// Rules.Refusals such refusals, the cause is either the package or KSeF. While other packages of
// the tenant go through, the cause is the package. Then the package is halved, and each half is
// halved again at its next refusal. So one poisonous invoice among n is alone after about log2(n)
// steps. The other invoices go through on the way. While nothing else goes through, it is as likely
// that KSeF refuses everybody. Then the package stays whole and is sent again after growing pauses.
func (r Rules) Refused(p ledger.Package, held Held, listed Listed, code int, reason string, proof Proof) Decision {
	if !held.Read {
		return ask(TheHeld)
	}
	// KSeF could not read the session's key, so it could not read the session at all. All invoices
	// are faultless, so halving would be useless.
	staleKey := code == ksef.BatchSessionKeyNotDecrypted
	// When Unfinished is set, most likely parts were missing, which is the fault of no invoice.
	faultless := staleKey || p.Unfinished
	refusals := p.Refusals + 1
	if faultless {
		refusals = p.Refusals
	}
	d := Decision{Renew: true, Over: true, Refusal: &Refusal{Code: code, Refusals: refusals, Reason: reason, Counted: !faultless}}
	left := held.Undecided(p.ID)
	if len(left) == 0 { // what cannot be read stays in the package
		return d
	}
	whole := func(in time.Duration) Decision {
		d.Split = &Split{Parts: []ledger.Part{{Refusals: refusals, IDs: idsOf(left)}}, End: EndOf(p, held, len(left)),
			Reason: reason, In: in, Proof: proof}
		return d
	}
	if refusals < r.Refusals || faultless {
		switch {
		case p.Rest != "": // p was a probe (see Decision.TellRest), which proved nothing
			return r.rejoin(d, p, held, listed, reason, proof)
		case staleKey && p.Parent != "":
			return whole(keyPause) // the key that was fetched again is no better
		}
		return whole(0)
	}
	if listed.Through == nil {
		return ask(TheThrough)
	}
	switch {
	case *listed.Through, len(left) == 1 && p.Rest == "" && refusals >= r.Refusals+aloneTries:
		d.Split = Halve(p, held, r.Refusals-1, code, reason, proof)
		return d
	case p.Rest != "":
		return r.rejoin(d, p, held, listed, reason, proof)
	}
	return whole(refusalPause(refusals - r.Refusals))
}

// rejoin puts the invoices of a refused probe into its rest, which is the package that waits for
// the probe. The rest is sent again after a longer pause. If the rest does not wait any more, is
// gone or cannot be read, the probe's invoices get a package of their own.
func (r Rules) rejoin(d Decision, p ledger.Package, held Held, listed Listed, reason string, proof Proof) Decision {
	if listed.Rest == nil {
		return ask(TheRest)
	}
	left := held.Undecided(p.ID)
	part := ledger.Part{Refusals: p.Refusals + 1, IDs: idsOf(left)}
	if rest := listed.Rest.Package; rest != nil && rest.State == ledger.PackageCut && rest.Probe == p.ID {
		part.ID, part.Into = rest.ID, true
	}
	d.Split = &Split{Parts: []ledger.Part{part}, End: EndOf(p, held, len(left)), Reason: reason,
		In: refusalPause(part.Refusals - r.Refusals), Proof: proof}
	return d
}

// Halve splits a package in two, or parks the invoice that is alone in it. refusals is how many
// refusals the halves have behind them. Halve returns nil when nothing in the package can be split.
func Halve(p ledger.Package, held Held, refusals, code int, reason string, proof Proof) *Split {
	left := held.Undecided(p.ID)
	switch len(left) {
	case 0:
		return nil
	case 1:
		alone := parked(left[0], code, refusedAlways, refusedAlways+": "+reason+
			"; look at what is odd in it, correct it and hand it in again, or retry")
		return &Split{Park: &alone, End: EndOf(p, held, 0), Reason: reason, Proof: proof}
	}
	ids := idsOf(left)
	half := len(ids) / 2
	return &Split{Parts: []ledger.Part{{Refusals: refusals, IDs: ids[:half]}, {Refusals: refusals, IDs: ids[half:]}},
		End: EndOf(p, held, len(ids)), Reason: reason, Proof: proof}
}

const refusedAlways = "KSeF refuses every session that contains it"

func idsOf(invs []*ledger.Invoice) []string {
	ids := make([]string, len(invs))
	for i, inv := range invs {
		ids[i] = inv.ID
	}
	return ids
}
