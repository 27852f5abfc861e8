package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// pace says when the ledger is asked again. It is asked often while something changes, but not so
// often that reading ten thousand entries keeps Redis from its other work.
type pace struct {
	next  time.Time
	pause time.Duration
}

const (
	minPause  = 500 * time.Millisecond
	maxPause  = 5 * time.Second
	pollShare = 10 // a pause is at least this many times as long as the reading took
	rarely    = 30 * time.Second
	atOnce    = 500 // entries of one call
)

// followAll asks the ledger about the followed files in taken/ and accepted/, and every thirty
// seconds about all files that are followed. It moves the files whose invoices are decided. It
// returns how long to wait before it is called again.
func (fo *follower) followAll(ctx context.Context, now time.Time) time.Duration {
	if now.Before(fo.pace.next) {
		maps.Copy(fo.problems, fo.why)
		return fo.pace.next.Sub(now)
	}
	all := !now.Before(fo.rare)
	if all {
		fo.rare = now.Add(rarely)
	}
	var due []*file
	why := map[string]string{}
	for _, f := range fo.files {
		if all || f.place == taken || f.place == accepted {
			due = append(due, f)
		} else if at := f.place + "/" + f.name; fo.why[at] != "" {
			why[at] = fo.why[at]
		}
	}
	before := maps.Clone(fo.problems)
	defer func() {
		for path, reason := range fo.problems {
			if before[path] != reason {
				why[path] = reason
			}
		}
		fo.why = why
		maps.Copy(fo.problems, why)
	}()
	if len(fo.files) == 0 {
		return never
	}
	if len(due) == 0 {
		fo.pace.next = fo.rare
		return rarely
	}
	slices.SortFunc(due, func(a, b *file) int { return cmp.Compare(a.name, b.name) })
	began, changed := fo.o.Now(), false
	for some := range slices.Chunk(due, atOnce) {
		moved, err := fo.followSome(ctx, some)
		if err != nil {
			if ctx.Err() == nil {
				fo.problem(taken, "the ledger does not answer: "+intake.OneLine(err)+"; it is asked again")
			}
			break
		}
		changed = changed || moved
	}
	p := &fo.pace
	if p.pause = min(p.pause*2, maxPause); changed || p.pause == 0 {
		p.pause = minPause
	}
	ended := fo.o.Now()
	p.pause = max(p.pause, pollShare*ended.Sub(began))
	p.next = ended.Add(p.pause)
	return p.pause
}

// followSome asks about some files. Several may be of the same invoice.
func (fo *follower) followSome(ctx context.Context, files []*file) (moved bool, err error) {
	ids := make(map[string]bool, len(files))
	for _, f := range files {
		ids[f.id] = true
	}
	invs, err := fo.o.Entries.Invoices(ctx, slices.Collect(maps.Keys(ids)))
	unread, err := ledger.Skip(err)
	if err != nil {
		return false, err
	}
	found := make(map[string]*ledger.Invoice, len(invs))
	for i := range invs {
		found[invs[i].ID] = &invs[i]
	}
	broken := map[string]error{}
	for _, u := range unread {
		broken[u.ID] = u.Err
	}
	for _, f := range files {
		switch inv := found[f.id]; {
		case inv != nil:
			moved = fo.decide(ctx, f, inv) || moved
		case broken[f.id] != nil:
			fo.problem(f.place+"/"+f.name, "the ledger's entry of it cannot be read: "+intake.OneLine(broken[f.id]))
		default:
			// The ledger has forgotten the invoice, or the ledger was lost. A file in taken/ is
			// handed in again, and the answer says what became of its invoice.
			fo.o.Log.Warn().Str("file", f.name).Str("id", f.id).Msg("the ledger does not know the invoice of this file any more")
			fo.failed(f, fo.journal.forget(f))
		}
	}
	return moved, nil
}

// placeOf returns where a file belongs when its invoice is in a state.
func placeOf(s ledger.State) string {
	switch s {
	case ledger.Accepted, ledger.Receipted:
		return accepted
	case ledger.Rejected:
		return rejected
	case ledger.Parked:
		return parked
	case ledger.Dismissed, ledger.Superseded:
		return dismissed
	}
	return taken // it is not decided yet, or a person has let it be sent again
}

// decide puts a file where it belongs, and reports whether something was done. The work is finished
// when the receipt is beside the file.
func (fo *follower) decide(ctx context.Context, f *file, inv *ledger.Invoice) bool {
	place := placeOf(inv.State)
	if f.place == place && f.state == string(ledger.Receipted) {
		fo.failed(f, fo.journal.forget(f)) // nothing is left to do
		return false
	}
	if f.place == place && (place == taken || f.state == string(inv.State) && f.rev == inv.Rev) {
		return false
	}
	r := results.Of(*inv, fo.o.Environment)
	var receipt []byte
	if inv.State == ledger.Receipted {
		if receipt = fo.filer.receipt(ctx, r); receipt == nil && f.place == accepted && f.state != "" {
			fo.problem(f.place+"/"+f.name, "its receipt (UPO) cannot be read from the archive; it is tried again")
			return false // the rest was written before
		}
	}
	state, rev := string(inv.State), inv.Rev
	if inv.State == ledger.Receipted && receipt == nil {
		state = string(ledger.Accepted) // until the receipt is here
	}
	var out []byte
	if place != taken {
		out = fo.filer.outcome(f, r)
	}
	f.state, f.rev = state, rev
	if !fo.filer.commit(f, place, out, receipt) {
		f.state = ""
		return false
	}
	if state == string(ledger.Receipted) {
		fo.failed(f, fo.journal.forget(f))
	}
	return true
}

func (fo *follower) failed(f *file, err error) {
	if err != nil {
		fo.problem(f.place+"/"+f.name, "its record cannot be removed: "+fault(err))
	}
}
