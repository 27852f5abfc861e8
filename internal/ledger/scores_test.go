package ledger

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// oddScores are scores that are not valid times.
var oddScores = map[string]float64{
	"1e17": 1e17, "1e300": 1e300, "inf": inf, "-inf": -inf, "-5": -5, "0": 0, "1.5": 1.5,
	"a fraction in between": float64(noon.UnixMilli()) + 6.5, "a fraction later than all": float64(noon.UnixMilli()) + 1e7 + 0.5,
}

var inf = math.Inf(1)

// A person gives an invoice a score in the index of a state that is not a valid time. All lists
// end, have all other invoices once, and name this one once.
func TestScores_OneIsNotAValidTime_ListsHaveTheOthersAndNameItOnce(t *testing.T) {
	next := worlds(t)
	for what, score := range oddScores {
		for _, n := range []int{1, 3, 500} {
			t.Run(fmt.Sprintf("%s, %d at a time", what, n), func(t *testing.T) {
				w := next(t)
				var want []string
				for _, inv := range w.take(w.documents(9)...) {
					w.move(inv, Parked)
					want = append(want, inv.ID)
				}
				odd := want[4]
				want = slices.Delete(want, 4, 5)
				place := w.rdb.ZScore(ctx(), w.key("st:parked"), odd).Val()
				w.must(w.rdb.ZAdd(ctx(), w.key("st:parked"), redis.Z{Score: score, Member: odd}).Err())
				// The audit at the end of the test expects the place that the ledger has written.
				defer func() { w.must(w.rdb.ZAdd(ctx(), w.key("st:parked"), redis.Z{Score: place, Member: odd}).Err()) }()

				for _, states := range [][]State{{Parked}, {Rejected, Parked}} {
					got, named := listOdd(w, func(from Place) ([]Place, error) { return w.Changed(ctx(), states, from, n) })
					if !slices.Equal(got, want) || !slices.Equal(named, []string{odd}) {
						t.Errorf("Changed in %v lists %q and names %q, want %q and %q", states, got, named, want, odd)
					}
				}
				got, named := listOdd(w, func(from Place) ([]Place, error) { return w.Latest(ctx(), Parked, from, 0, n) })
				slices.Reverse(got)
				named = slices.Compact(named)
				if !slices.Equal(got, want) || !slices.Equal(named, []string{odd}) {
					t.Errorf("Latest lists %q and names %q, want %q and %q", got, named, want, odd)
				}
				oldest, err := w.OldestOpen(ctx())
				w.must(err)
				if at := oldest["parked"]; at.Before(noon) || at.After(noon.Add(4*time.Hour)) {
					t.Errorf("the oldest open invoice has waited since %v, want a time of this test", at)
				}
			})
		}
	}
}

// listOdd lists to the end, and returns the ids and those that errors name.
func listOdd(w *world, list func(from Place) ([]Place, error)) (ids, named []string) {
	w.t.Helper()
	for from := (Place{}); len(ids) < 100; {
		places, err := list(from)
		unread, err := Skip(err)
		w.must(err)
		for _, u := range unread {
			if !Damaged(u.Err) || !strings.Contains(u.Err.Error(), "st:parked") {
				w.t.Errorf("%s is said to be %v, want damage that names the index", u.ID, u.Err)
			}
			named = append(named, u.ID)
		}
		if len(places) == 0 {
			return ids, named
		}
		for _, p := range places {
			ids, from = append(ids, p.ID), p
		}
	}
	w.t.Error("the list has no end")
	return ids, named
}

// An index has more scores that are not valid times than one list names.
func TestScores_ManyAreNotValidTimes_TheListEndsAndSaysThatThereAreMore(t *testing.T) {
	w := oneWorld(t)
	inv := w.take(w.documents(1)...)[0]
	w.move(inv, Parked)
	key := w.key("st:parked")
	for i := range 3 * maxOdd {
		score, id := []float64{-1, 1e17, float64(noon.UnixMilli()) + 0.5}[i%3], fmt.Sprintf("inv-%d", i)
		w.must(w.rdb.ZAdd(ctx(), key, redis.Z{Score: score, Member: id}).Err())
		defer w.rdb.ZRem(ctx(), key, id) // the audit knows nothing of these members
	}
	got, named := listOdd(w, func(from Place) ([]Place, error) { return w.Changed(ctx(), []State{Parked}, from, 7) })
	if !slices.Equal(got, []string{inv.ID}) || len(named) != 3*maxOdd {
		t.Errorf("the list has %q and names %d others, want %s and %d", got, len(named), inv.ID, 3*maxOdd)
	}
	_, err := w.Changed(ctx(), []State{Parked}, Place{At: lastTime}, 7)
	unread, err := Skip(err)
	w.must(err)
	if last := unread[len(unread)-1]; !strings.Contains(last.Err.Error(), "more invoices of this index") {
		t.Errorf("the last one of many is said to be %v, want that there may be more", last.Err)
	}
}

// A waiting set has more members with the lowest score of all than one step counts.
func TestScores_LowestOfAll_TheCountOfAWaitingSetEnds(t *testing.T) {
	w := oneWorld(t)
	w.waiting(5)
	age := w.key("waitage:" + groupA.Name())
	held := w.rdb.ZRangeWithScores(ctx(), age, 0, -1).Val()
	defer func() { w.must(w.rdb.ZAdd(ctx(), age, held...).Err()) }() // as the audit expects it
	for _, z := range held[:4] {
		w.must(w.rdb.ZAdd(ctx(), age, redis.Z{Score: -inf, Member: z.Member}).Err())
	}
	short, cancel := context.WithTimeout(ctx(), 5*time.Second)
	defer cancel()
	if done, err := w.resizeGroup(short, groupA.Name(), 2); !done || err != nil {
		t.Errorf("resizeGroup reports done %v (error %v), want true", done, err)
	}
}
