package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key is what is counted: one taxpayer's requests of one operation group.
type Key struct {
	Tenant string // not empty, no colon (a NIP is digits)
	Group  string // not empty; see the Group constants and [Other]
}

func (k Key) String() string { return "tenant " + k.Tenant + ", group " + k.Group }

func (k Key) validate() error {
	// The colon separates tenant from group in Redis; a tenant with one could share a counter with another.
	if k.Tenant == "" || strings.Contains(k.Tenant, ":") {
		return fmt.Errorf("tenant %q: must not be empty nor contain a colon", k.Tenant)
	}
	if k.Group == "" {
		return fmt.Errorf("group of tenant %s: must not be empty", k.Tenant)
	}
	return nil
}

// AskOnly as Request.MaxWait asks for the earliest instant without booking it: the answer is always a *[NotNow], with Wait 0 when the request would fit at once.
const AskOnly time.Duration = -1

// Request asks for a place.
type Request struct {
	Key    Key
	Limits Limits // empty: unlimited, only a freeze holds it back, and nothing is recorded
	// MaxWait is the longest wait that the caller would sit out: an instant further away is not booked. Zero: now or not at all. Negative: see [AskOnly].
	MaxWait time.Duration
	// Margin widens every window, for requests that arrive later than they are booked. Zero: none. Never negative.
	Margin time.Duration
	// Reserve leaves at least this many places of each window to more urgent callers: the request is decided by Limit-Reserve (never below 1) while
	// everyone's instants are counted. Zero is the most urgent. Never negative. What is booked with a reserve keeps its instant; urgent callers pass it by the places it left free.
	Reserve int
	// Share leaves this part of each window, rounded down, to more urgent callers, on top of Reserve; 0 to below 1.
	Share float64
	// Ticket names a caller who comes back: who is told to wait keeps his place among those who came after him. "" has no place in line, and passes it. See [Ticket].
	Ticket string
	// Due is when what is asked for has to be done: in the line, who is due sooner stands before who came sooner. The zero time is due when it comes. It needs a Ticket.
	Due time.Time
}

// dueStep is how finely deadlines are told apart: within a second, who came first is first.
const dueStep = time.Second

// place is where a newcomer wants to stand in the line: the order of the line is that of places.
func (r Request) place(now time.Time) time.Time {
	if r.Due.IsZero() {
		return now
	}
	return r.Due.Truncate(dueStep)
}

// lines are the names of the lines that a key can have: the urgent ones do not stand behind the others.
var lines = []string{"urgent", "rest"}

func (r Request) line() string {
	if r.Reserve == 0 && r.Share == 0 {
		return lines[0]
	}
	return lines[1]
}

func (r Request) validate() error {
	var faults []error
	if !(r.Share >= 0 && r.Share < 1) {
		faults = append(faults, fmt.Errorf("share %v: must be 0 to below 1", r.Share))
	}
	if r.Margin < 0 || r.Margin > longestPer {
		faults = append(faults, fmt.Errorf("margin %s: must be 0 to %s", r.Margin, longestPer))
	}
	if r.Reserve < 0 {
		faults = append(faults, fmt.Errorf("reserve %d: must not be negative", r.Reserve))
	}
	return errors.Join(append(faults, r.Key.validate(), r.Limits.Validate())...)
}

// effective are the windows that decide: less the reserve, widened by the margin, in whole microseconds.
func (r Request) effective() Limits {
	windows := make(Limits, len(r.Limits))
	for i, w := range r.Limits {
		windows[i] = Window{Limit: max(w.Limit-r.Reserve-int(float64(w.Limit)*r.Share), 1), Per: wholeMicros(w.Per + r.Margin)}
	}
	return windows
}

// Booking is a place: the request is counted at At and has to leave then, not earlier and at most the margin later.
type Booking struct {
	ID   string // opaque, unique among the bookings of its key; [Store.Cancel] needs it
	Key  Key
	At   time.Time     // on the store's clock, which need not be the caller's
	Wait time.Duration // from the moment of booking until At; zero: go
}

// Usage is how much of its limits a key has used.
type Usage struct {
	Windows []WindowUsage // in the order of the limits asked for
	Ahead   int           // instants booked for later than now: who sleeps
	InLine  int           // tickets: who was told to come back
	// Frozen is how long the key stays frozen, zero when it is not; FrozenUntil is the same on the store's clock, the zero time when it is not.
	Frozen      time.Duration
	FrozenUntil time.Time
}

// WindowUsage counts one window, without margin and reserve, as KSeF would.
type WindowUsage struct {
	Window
	Used int // booked in the last Per or ahead; above Limit when much is booked ahead
	Left int // Limit - Used, never negative
	// Free is how long until the oldest of them leaves the window; zero when none is used.
	Free time.Duration
}

// usage is of a window whose oldest request is age old; age is of no meaning when none is used.
func (w Window) usage(used int, age time.Duration) WindowUsage {
	u := WindowUsage{Window: w, Used: used, Left: max(w.Limit-used, 0)}
	if used > 0 {
		u.Free = wholeMicros(w.Per) + tick - age
	}
	return u
}

// Store keeps booked instants. [Memory] and [Redis] implement it, safe for concurrent use. Limits may differ from call to call:
// instants are kept for the longest window that the key has seen, so a change of limits forgets nothing.
type Store interface {
	// Book books the earliest instant that fits, or returns *[NotNow] (limit or frozen) when it lies beyond MaxWait; then nothing is booked.
	Book(ctx context.Context, r Request) (Booking, error)
	// Cancel gives the place back when nobody stands behind it; otherwise the place lapses: to give it to a newcomer would let him pass those who wait.
	// Only for a request that was not and will not be sent. A repeated or late Cancel does nothing.
	Cancel(ctx context.Context, b Booking) error
	// Freeze stops the key for d from now; it extends a freeze, never shortens it. d of zero or less does nothing, and a century stands for anything longer, so that
	// instants stay exact in Lua. Places already booked keep their instants: who slept must look again (Usage) before sending.
	Freeze(ctx context.Context, k Key, d time.Duration) error
	// Throttle is what a 429 asks for: it freezes the key as Freeze does, and counts the strike. d of zero or less says that the other side named no time: then the
	// freeze begins with a minute and doubles with each strike within the hour, up to an hour. It tells how long the key is frozen, and the strikes.
	Throttle(ctx context.Context, k Key, d time.Duration) (time.Duration, int, error)
	// Leave gives a ticket's place in line up; for a caller who will not come back. Without it, the ticket lapses some time after its instant.
	Leave(ctx context.Context, k Key, ticket string) error
	// Usage counts what is used of limits; empty limits ask for the freeze alone.
	Usage(ctx context.Context, k Key, limits Limits) (Usage, error)
}

const (
	// lapse is how long after its promised instant a ticket is kept: a pool that is busy with packages brings a task back late, and one killed worker's tasks after a minute
	// and a half. Meanwhile the place of one who never returns is held free behind the others' backs: a few places, once.
	lapse = 30 * time.Second
	// The rests after a 429 that names no time.
	firstRest   = time.Minute
	longestRest = time.Hour
	strikeLife  = time.Hour
)

// unrecorded is the mark of a booking under no limit, which left no trace in the store.
const unrecorded = 0

// bookingID joins an instant with its mark, a counter from 1 to 255 of the key's bookings. The instant alone would not do: after a Cancel the
// next caller may get the very same microsecond, and a repeated Cancel (a client's retry) would take it from him.
func bookingID(at time.Time, mark int) string {
	return strconv.FormatInt(at.UnixMicro(), 10) + "-" + strconv.Itoa(mark)
}

func parseBookingID(id string) (at int64, mark int, err error) {
	micros, number, ok := strings.Cut(id, "-")
	if !ok {
		return 0, 0, fmt.Errorf("booking id %q: want INSTANT-MARK", id)
	}
	if at, err = strconv.ParseInt(micros, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("booking id %q: %w", id, err)
	}
	if mark, err = strconv.Atoi(number); err != nil || mark < 0 || mark > marks {
		return 0, 0, fmt.Errorf("booking id %q: mark must be 0 to %d", id, marks)
	}
	return at, mark, nil
}

// longestFreeze is far beyond what anybody could mean, and well short of the year 2255, where Lua's numbers end.
const longestFreeze = 100 * 365 * 24 * time.Hour

// freezeTime is d in whole microseconds and in bounds.
func freezeTime(d time.Duration) time.Duration { return wholeMicros(min(d, longestFreeze)) }

// marks is how many bookings of a key get different marks, one after the other.
const marks = 255
