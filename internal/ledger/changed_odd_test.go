package ledger

import (
	"fmt"
	"testing"
)

// Another program gave a member of an index a time that no invoice can have. Each list ends, and
// has everything else once, and the member once.
func TestChanged_TimeIsImpossible_ListEndsAndHasEverythingOnce(t *testing.T) {
	for _, score := range []string{"1e17", "1e300", "inf", "-inf", "-5", "0", "1.5"} {
		for _, others := range []int{0, 1, 4, 5} {
			t.Run(fmt.Sprintf("%s among %d", score, others), func(t *testing.T) {
				w := oneWorld(quiet{t})
				times := map[string]int{"inv-odd": 0}
				for range others {
					times[w.invoiceIn(Rejected).ID] = 0
				}
				key := w.key(keyState, string(Rejected))
				w.must(w.rdb.Do(ctx(), "ZADD", key, score, "inv-odd").Err())
				at := Place{}
				for range 20 {
					places, err := w.Changed(ctx(), []State{Rejected}, at, 2)
					w.must(err)
					if len(places) == 0 {
						break
					}
					for _, p := range places {
						times[p.ID]++
					}
					at = places[len(places)-1]
				}
				for id, n := range times {
					if n > 1 || n == 0 && id != "inv-odd" {
						t.Errorf("%s is listed %d times, want once", id, n)
					}
				}
				if at.At > latestTime {
					t.Errorf("the list ends at %d, which leaves out what changes later", at.At)
				}
				newest, err := w.Latest(ctx(), Rejected, Place{}, 0, 10)
				if w.must(err); len(newest) != others && score != "1.5" {
					t.Errorf("the newest are %+v, want %d", newest, others)
				}
				w.must(w.rdb.ZRem(ctx(), key, "inv-odd").Err())
			})
		}
	}
}
