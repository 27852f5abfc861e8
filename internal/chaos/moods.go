package chaos

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// mood is a way in which the receiver fails, for a while or for one call.
type mood struct {
	at, lasts time.Duration // at counts from the start of the run; both are 0 for a failure of one call
	kind      string
	code      int           // of the answer
	after     int           // Retry-After in seconds, 0 for none
	delay     time.Duration // of a slow answer
}

// The ways in which the receiver fails.
const (
	busy       = "busy"        // 429, 500 or 503; nothing is stored
	slow       = "slow"        // it stores and answers late; the caller may have given up
	dropped    = "dropped"     // the connection ends before anything is stored
	lostAnswer = "lost-answer" // it stores, and the connection ends
	redirect   = "redirect"    // it answers with a redirect to another path
	unwilling  = "unwilling"   // 409 or 422, as if this result were at fault
)

const (
	// At one result in this many, the first call that brings the result meets an upset.
	oneInUpset = 10
	// webhookTimeout is how long the workers wait for the receiver.
	webhookTimeout = 2 * time.Second
	// maxMood is the longest time that a mood lasts. Each failure doubles the pause before the next
	// attempt, so after a long mood the results would come very late.
	maxMood = 4 * time.Second
)

// drawMoods draws how the receiver fails. The moods last for a while, and lie in the first two
// thirds of the time in which invoices are handed in. Each upset is for a single call. A calm run
// has neither.
func drawMoods(o Options, dice *rand.Rand) (moods, upsets []mood) {
	if o.calm() {
		return nil, nil
	}
	n := 3 + int(o.Feed/(20*time.Second))
	space := o.Feed * 2 / 3 / time.Duration(n)
	for i := range n {
		m := drawMood(dice)
		m.at = space*time.Duration(i) + time.Duration(dice.Int64N(int64(space/2)+1))
		m.lasts = min(space/2, maxMood)/2 + time.Duration(dice.Int64N(int64(min(space/2, maxMood)/2)+1))
		moods = append(moods, m)
	}
	for range 20 {
		upsets = append(upsets, drawMood(dice))
	}
	return moods, upsets
}

func drawMood(dice *rand.Rand) mood {
	of := func(codes ...int) int { return codes[dice.IntN(len(codes))] }
	switch dice.IntN(6) {
	case 0:
		return mood{kind: busy, code: of(http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable),
			after: dice.IntN(3)}
	case 1:
		d := time.Duration(100+dice.IntN(900)) * time.Millisecond
		if dice.IntN(3) == 0 {
			d = webhookTimeout + time.Second
		}
		return mood{kind: slow, delay: d}
	case 2:
		return mood{kind: dropped}
	case 3:
		return mood{kind: lostAnswer}
	case 4:
		return mood{kind: redirect, code: of(http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect,
			http.StatusPermanentRedirect)}
	default:
		return mood{kind: unwilling, code: of(http.StatusConflict, http.StatusUnprocessableEntity)}
	}
}

// stores reports whether the result is stored although the call may fail.
func (m mood) stores() bool { return m.kind == slow || m.kind == lostAnswer }

// answer answers a call whose result is not stored.
func (m mood) answer(w http.ResponseWriter, r *http.Request) {
	switch m.kind {
	case dropped:
		panic(http.ErrAbortHandler)
	case redirect:
		http.Redirect(w, r, redirected, m.code)
		return
	}
	if m.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(m.after))
	}
	http.Error(w, "the exporter takes nothing now", m.code)
}

// wait waits as long as a slow answer takes, or until the caller has gone.
func (m mood) wait(r *http.Request) {
	select {
	case <-time.After(m.delay):
	case <-r.Context().Done():
	}
}
