package inquiry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
)

// KSeF compares numbers (P_2) with their white space normalized. So does a person, who cannot see
// what kind of space an export has put into a number. The ledger finds a number by its exact bytes.
// An index by the normal form would cost memory for every invoice that is kept. So the ledger is
// asked for each of the spellings that a number may have. When none of them is found, Find reads
// the entries that may need a person, and then the newest entries.

// noBreak is the no-break space, with which exports keep a number on one line. XML collapses the
// other white space, so a number in the ledger has single spaces.
const noBreak = "\u00a0"

// rareSpaces are the other spaces of Unicode. A program that writes numbers for people may put a
// narrow one (U+202F, U+2009) where it groups digits.
const rareSpaces = "\u202f\u2009\u2007\u2003\u2002\u3000\u2004\u2005\u2006\u2008\u200a\u2000\u2001\u205f\u1680"

// maxSpaces is the largest number of spaces for which every combination of ordinary and no-break
// spaces is tried: 32 look-ups. With more spaces, a spelling is tried only if all its spaces, or
// all but one, are of the same kind.
const maxSpaces = 5

const (
	// maxFindScan bounds how many entries are read for a number that is found under none of its
	// spellings, and maxFindTime how long that takes.
	maxFindScan = 20_000
	maxFindTime = 2 * time.Second
)

// FindNumber returns the invoices with this number, of any seller and in no particular order. White
// space counts as KSeF counts it, see [SameNumber]. All spellings are looked up, because the first
// one that is found may belong to an invoice that the caller may not see. FindNumber misses some
// rare spellings, for example one with two rare spaces among other spaces. With more than
// [maxSpaces] spaces it misses most mixtures of ordinary and no-break spaces. Its errors are those
// of Find.
func (r *Reader) FindNumber(ctx context.Context, number string) ([]ledger.Invoice, error) {
	var ids []string
	var sick []ledger.Unreadable
	for _, s := range spellings(number) {
		some, err := r.Ledger.ByNumber(ctx, s)
		keys, err := ledger.Skip(err)
		if err != nil {
			return nil, fmt.Errorf("look up number: %w", err)
		}
		ids = append(ids, some...)
		for i := range keys {
			if !slices.ContainsFunc(sick, func(u ledger.Unreadable) bool { return u.Key == keys[i].Key }) {
				sick = append(sick, keys[i])
			}
		}
	}
	if len(ids) == 0 {
		return nil, unreadable(sick)
	}
	invs, err := r.Ledger.AllNamed(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	return invs, unreadable(append(sick, unread...))
}

// scanNumber looks for a number of these tenants among the entries that may need a person, and then
// among the newest entries.
func (r *Reader) scanNumber(ctx context.Context, number string, tenants []string) ([]ledger.Invoice, error) {
	if !strings.Contains(ordinary(number), " ") {
		return nil, nil
	}
	until := time.Now().Add(maxFindTime)
	for _, states := range [][]ledger.State{{ledger.Rejected, ledger.Parked}, nil} {
		found, err := r.Latest(ctx, Window{
			States: states, Limit: maxFindScan, Scan: maxFindScan, Until: until,
			Match: func(inv *ledger.Invoice) bool { return of(inv, tenants) && SameNumber(inv.Number, number) },
		})
		if err != nil || len(found.Invoices) > 0 {
			return found.Invoices, err
		}
	}
	return nil, nil
}

// spellings lists the numbers that a person may mean. The number as it was typed comes first.
func spellings(number string) []string {
	all := []string{number}
	parts := strings.Fields(number)
	gaps := len(parts) - 1
	if gaps < 0 {
		return all
	}
	// Bit i of a way says that space i is a no-break space.
	var ways []uint64
	switch {
	case gaps <= maxSpaces:
		for w := range uint64(1) << gaps {
			ways = append(ways, w)
		}
	case gaps < 64:
		whole := uint64(1)<<gaps - 1
		ways = append(ways, 0, whole)
		for i := range gaps {
			ways = append(ways, 1<<i, whole&^(1<<i))
		}
	default:
		ways = []uint64{0, 1<<64 - 1}
	}
	for _, way := range ways {
		var s strings.Builder
		for i, part := range parts {
			if i > 0 && way&(1<<min(i-1, 63)) != 0 {
				s.WriteString(noBreak)
			} else if i > 0 {
				s.WriteByte(' ')
			}
			s.WriteString(part)
		}
		if spelt := s.String(); !slices.Contains(all, spelt) {
			all = append(all, spelt)
		}
	}
	for _, spelt := range rareSpellings(parts) {
		if spelt != number {
			all = append(all, spelt)
		}
	}
	return all
}

// rareSpellings lists the spellings with one kind of rare space. The rare space is in every place.
// If there are at most maxSpaces places, it is also tried in each single place, with ordinary
// spaces in the others.
func rareSpellings(parts []string) (all []string) {
	gaps := len(parts) - 1
	for _, space := range rareSpaces {
		if gaps > 0 {
			all = append(all, strings.Join(parts, string(space)))
		}
		for i := 1; gaps > 1 && gaps <= maxSpaces && i <= gaps; i++ {
			all = append(all, strings.Join(parts[:i], " ")+string(space)+strings.Join(parts[i:], " "))
		}
	}
	return all
}

// SameNumber reports whether two numbers are equal as KSeF compares them. Differences in white
// space, including no-break and other spaces, do not count (KSeF issues 797 and 315).
func SameNumber(a, b string) bool { return ordinary(a) == ordinary(b) }

// ordinary returns a number in which each run of white space is one ordinary space. White space at
// the ends is removed.
func ordinary(number string) string { return strings.Join(strings.Fields(number), " ") }

// NumberBegins reports whether a number has this beginning, with white space as [SameNumber]
// compares it.
func NumberBegins(number, begin string) bool {
	return begin == "" || strings.HasPrefix(ordinary(number), ordinary(begin))
}
