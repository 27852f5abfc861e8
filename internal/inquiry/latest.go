package inquiry

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// Window asks for invoices by their last change, the newest first.
type Window struct {
	States []ledger.State // empty: all
	Before ledger.Place   // only those older than this; the zero value begins at the newest
	From   time.Time      // only those last changed at this time or later; zero: no bound
	To     time.Time      // only those last changed before this time; zero: no bound
	Match  func(*ledger.Invoice) bool
	Limit  int // how many are wanted
	// Scan is how many entries are read at most, and Until when reading ends, whichever comes
	// first.
	Scan  int
	Until time.Time
}

// Found is an answer to a [Window].
type Found struct {
	Invoices []ledger.Invoice
	// Next is where the next window begins. The zero value means that there is nothing older. If
	// there is a Next although fewer than Limit invoices were found, the window's Scan or Until
	// ended the reading.
	Next ledger.Place
	// Read is how many entries were read. When Limit ended the reading, those that were read last,
	// at most 500, are not counted.
	Read int
	// Sick are the keys of the indexes that could not be read. Invoices of their states are
	// missing.
	Sick []string
}

// Latest returns the invoices of a window. An invoice that changes while windows are read one after
// the other moves to the beginning and is not in the later windows.
func (r *Reader) Latest(ctx context.Context, w Window) (Found, error) {
	states := w.States
	if len(states) == 0 {
		states = ledger.States()
	}
	var out Found
	told := map[string]bool{} // what was reported as unreadable in lists, which name it again and again
	at := w.Before
	if !w.To.IsZero() && (at.At == 0 || at.At >= ledger.At(w.To)) {
		at = ledger.Place{At: ledger.At(w.To)} // no id is smaller than "", so this instant is left out
	}
	for {
		places, more, err := r.places(ctx, states, at, ledger.At(w.From), min(chunk, max(w.Scan-out.Read, 1)), told)
		for _, s := range states {
			if key := ledger.IndexOf(s); told[key] && !slices.Contains(out.Sick, key) {
				out.Sick = append(out.Sick, key)
			}
		}
		if err != nil || len(places) == 0 {
			return out, err
		}
		invs, err := r.read(ctx, states, places)
		if err := r.skip(err); err != nil {
			return out, err
		}
		read := make(map[string]*ledger.Invoice, len(invs))
		for i := range invs {
			read[invs[i].ID] = &invs[i]
		}
		for i, p := range places {
			inv := read[p.ID]
			if at = p; inv != nil && (w.Match == nil || w.Match(inv)) {
				out.Invoices = append(out.Invoices, *inv)
			}
			if len(out.Invoices) == w.Limit && (more || i < len(places)-1) {
				out.Next = p
				return out, nil
			}
		}
		out.Read += len(places)
		if !more {
			return out, nil
		}
		if out.Read >= w.Scan || !w.Until.IsZero() && !time.Now().Before(w.Until) {
			out.Next = at
			return out, nil
		}
	}
}

// places lists up to n places of all states, the newest first. more says that there are older
// places. It reports each index and entry that cannot be read once, and remembers it in told.
func (r *Reader) places(ctx context.Context, states []ledger.State, before ledger.Place, from ledger.Millis, n int,
	told map[string]bool,
) (out []ledger.Place, more bool, err error) {
	for _, s := range states {
		some, err := r.Ledger.Latest(ctx, s, before, from, n+1)
		unread, err := ledger.Skip(err)
		if err != nil {
			return nil, false, err
		}
		unread = slices.DeleteFunc(unread, func(u ledger.Unreadable) bool { return told[u.Key] })
		for i := range unread {
			told[unread[i].Key] = true
		}
		_ = r.skip(unreadable(unread)) // there is no other error
		out = append(out, some...)
	}
	slices.SortFunc(out, func(a, b ledger.Place) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID))
	})
	// An invoice that changed its state between two lists is in both. The newer place counts.
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(p ledger.Place) bool {
		twice := seen[p.ID]
		seen[p.ID] = true
		return twice
	})
	return out[:min(n, len(out))], len(out) > n, nil
}
