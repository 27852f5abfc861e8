package ledger

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The scores of most indexes are times. A person or a program can give a member any other score,
// such as -5, 1.5, 1e300 or inf. No list can go on from such a score, because it is not the place
// of any invoice. So a list leaves out such a member, and names its entry as damaged.

const (
	firstTime Millis = 1             // 0 means that there is no time
	lastTime  Millis = 4102444800000 // the beginning of the year 2100
	// Of one state, a list names at most maxOdd members whose scores are before all valid times,
	// and at most maxOdd whose scores are after them. ODD in lua/changed.lua is the same number.
	maxOdd = 100
)

// beforeTimes and afterTimes are bounds of the scores that are not valid times, as Redis writes
// them.
var (
	beforeTimes = "(" + strconv.FormatInt(int64(firstTime), 10)
	afterTimes  = "(" + strconv.FormatInt(int64(lastTime), 10)
)

// errStandsStill says that a list would begin again at the place from which it should go on.
var errStandsStill = errors.New("the list cannot go on: its last place is not after its first")

// timeOfScore returns the time that a score stands for. It reports false if the score is not a
// valid time.
func timeOfScore(score float64) (Millis, bool) {
	if !(score >= float64(firstTime) && score <= float64(lastTime)) || score != math.Trunc(score) {
		return 0, false
	}
	return Millis(score), true
}

// timeOfText does the same for a score as Redis writes it.
func timeOfText(score string) (Millis, bool) {
	f, err := strconv.ParseFloat(score, 64)
	if err != nil {
		return 0, false
	}
	return timeOfScore(f)
}

// writtenScore returns a score as Redis writes it.
func writtenScore(score float64) string {
	switch {
	case math.IsInf(score, 1):
		return "inf"
	case math.IsInf(score, -1):
		return "-inf"
	}
	return strconv.FormatFloat(score, 'g', 17, 64)
}

// oddScore describes an invoice whose score in the index of a state is not a valid time.
func oddScore(s State, id, score string) Unreadable {
	return Unreadable{ID: id, Key: keyInvoice + id, State: string(s), Err: fmt.Errorf(
		"%w: its score in the index %s is %s, which is not a valid time: give it the time of its last change (ZADD), "+
			"or remove it from the index (ZREM) if there is no such invoice", errDamaged, keyState+string(s), score)}
}

// oddOf describes members that were found in the index of a state and whose scores are not valid
// times. If maxOdd were found, the description of the last one says that there may be more.
func oddOf(s State, found []redis.Z) (odd []Unreadable) {
	for _, z := range found {
		id, _ := z.Member.(string)
		odd = append(odd, oddScore(s, id, writtenScore(z.Score)))
	}
	if len(found) == maxOdd {
		odd[maxOdd-1].Err = andMore(odd[maxOdd-1].Err)
	}
	return odd
}

func andMore(err error) error {
	return fmt.Errorf("%w; more invoices of this index may have such scores, and are not named", err)
}

// score returns the first time of a list. It returns the zero time if there is none.
func score(c *redis.ZSliceCmd) time.Time {
	for _, z := range c.Val() {
		if at, ok := timeOfScore(z.Score); ok {
			return at.Time()
		}
	}
	return time.Time{}
}

// firstTimes asks for the first members of a set whose scores are between firstTime and lastTime.
func firstTimes() *redis.ZRangeBy {
	const some = 10 // some of these scores may be fractions, which are not valid times
	return &redis.ZRangeBy{Min: strconv.FormatInt(int64(firstTime), 10), Max: strconv.FormatInt(int64(lastTime), 10), Count: some}
}
