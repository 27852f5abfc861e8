package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key names one taxpayer's requests of one operation group, which are counted together.
type Key struct {
	Tenant string // not empty, no colon (a NIP is digits)
	Group  string // not empty; see the Group constants and [Other]
}

func (k Key) String() string { return "tenant " + k.Tenant + ", group " + k.Group }

func (k Key) validate() error {
	// The colon separates tenant from group in Redis. If tenant names had colons, two tenants could
	// share a counter.
	if k.Tenant == "" || strings.Contains(k.Tenant, ":") {
		return fmt.Errorf("tenant %q: must not be empty or contain a colon", k.Tenant)
	}
	if k.Group == "" {
		return fmt.Errorf("group of tenant %s: must not be empty", k.Tenant)
	}
	return nil
}

// AskOnly as Request.MaxWait asks for the earliest instant without booking it. The answer is always
// a *[NotNow], with Wait 0 when the request would fit at once. A request with a Ticket still takes
// a place on the waitlist.
const AskOnly time.Duration = -1

// Request asks a [Store] for a place.
type Request struct {
	Key    Key
	Limits Limits // empty: unlimited; then only a freeze delays it, and nothing is recorded
	// MaxWait is the longest wait that the caller accepts. A later instant is not booked. Zero: now
	// or not at all. Negative: see [AskOnly].
	MaxWait time.Duration
	// Margin widens every window, for requests that arrive later than they are booked. Zero: none.
	// Never negative.
	Margin time.Duration
	// Reserve leaves at least this many places of each window to more urgent callers. The request
	// must fit into Limit-Reserve (never below 1), and the bookings of all callers count. Zero is
	// for the most urgent callers. Never negative. A booking with a reserve keeps its instant, even
	// when urgent callers take the places that it left free before its instant.
	Reserve int
	// Share leaves this part of each window to more urgent callers, in addition to Reserve. The
	// number of places that it leaves is rounded down. At least 0, below 1.
	Share float64
	// Ticket names the caller, so that a caller that is told to wait keeps its place before later
	// callers. A request with the ticket "" bypasses the waitlist. See [Ticket].
	Ticket string
	// Due is the deadline of what is requested. The waitlist is ordered by deadline, and then by
	// arrival. With the zero time, the arrival is the deadline. Needs a Ticket.
	Due time.Time
}

// dueStep is the resolution of deadlines. Callers whose deadlines are in the same second go in the
// order of arrival.
const dueStep = time.Second

// place returns the time by which the waitlist orders a newcomer. This is the deadline or, without
// a deadline, now.
func (r Request) place(now time.Time) time.Time {
	if r.Due.IsZero() {
		return now
	}
	return r.Due.Truncate(dueStep)
}

// waitlistNames are the names of a key's two waitlists. Urgent callers have their own, so that they
// do not wait for the others.
var waitlistNames = []string{"urgent", "rest"}

func (r Request) waitlist() string {
	if r.Reserve == 0 && r.Share == 0 {
		return waitlistNames[0]
	}
	return waitlistNames[1]
}

func (r Request) validate() error {
	var faults []error
	if !(r.Share >= 0 && r.Share < 1) {
		faults = append(faults, fmt.Errorf("share %v: must be 0 to below 1", r.Share))
	}
	if r.Margin < 0 || r.Margin > maxPer {
		faults = append(faults, fmt.Errorf("margin %s: must be 0 to %s", r.Margin, maxPer))
	}
	if r.Reserve < 0 {
		faults = append(faults, fmt.Errorf("reserve %d: must not be negative", r.Reserve))
	}
	return errors.Join(append(faults, r.Key.validate(), r.Limits.Validate())...)
}

// effective returns the windows that decide. Each limit is reduced by the reserve and by the share,
// but not below 1. Each length is increased by the margin and rounded up to whole microseconds.
func (r Request) effective() Limits {
	windows := make(Limits, len(r.Limits))
	for i, w := range r.Limits {
		windows[i] = Window{Limit: max(w.Limit-r.Reserve-int(float64(w.Limit)*r.Share), 1), Per: wholeMicros(w.Per + r.Margin)}
	}
	return windows
}

// Booking is a place for a request. The request is counted at At. It must go at At or at most the
// margin later.
type Booking struct {
	ID   string // opaque, unique among the bookings of its key; [Store.Cancel] needs it
	Key  Key
	At   time.Time     // on the store's clock, which need not be the caller's
	Wait time.Duration // from the booking until At; zero: go at once
}

// Usage is how much of its limits a key has used.
type Usage struct {
	Windows []WindowUsage // in the order of the limits asked for
	Ahead   int           // instants booked for later than now (callers sleep)
	// Waitlisted is the number of tickets on the waitlists, of callers that were told to come back.
	Waitlisted int
	// Frozen is how long the key stays frozen. FrozenUntil is when the freeze ends, on the store's
	// clock. Both are zero when the key is not frozen.
	Frozen      time.Duration
	FrozenUntil time.Time
	// Held is how long bookings of all keys are stopped because Redis was restarted. It is nearly
	// always zero.
	Held  time.Duration
	Cause Cause // of the freeze; CauseUnknown when the key is not frozen
}

// WindowUsage counts one window, without margin and reserve, as KSeF would.
type WindowUsage struct {
	Window
	Used int // booked in the last Per or for later; above Limit when many are booked for later
	Left int // Limit - Used, never negative
	// Free is how long until the oldest counted request leaves the window; zero when Used is 0.
	Free time.Duration
}

// usage returns the usage of a window whose oldest request is age old. It ignores age when used is
// 0.
func (w Window) usage(used int, age time.Duration) WindowUsage {
	u := WindowUsage{Window: w, Used: used, Left: max(w.Limit-used, 0)}
	if used > 0 {
		u.Free = wholeMicros(w.Per) + tick - age
	}
	return u
}

// Store keeps booked instants. [Memory] and [Redis] implement it, safe for concurrent use. Limits
// may differ from call to call. Instants are kept for the longest window that the key has seen, so
// they outlast a change of limits.
type Store interface {
	// Book books the earliest instant that fits. When that lies beyond MaxWait it books nothing and
	// returns *[NotNow] (limit or frozen).
	Book(ctx context.Context, r Request) (Booking, error)
	// Cancel releases the place when no later instant is booked. Otherwise the place stays unused,
	// because a newcomer that got it would overtake those that wait. Call Cancel only for a request
	// that will never be sent. A repeated or late Cancel does nothing.
	Cancel(ctx context.Context, b Booking) error
	// Freeze stops the key for d from now. Of several freezes, the one that ends last counts and
	// gives the cause. If d is zero or less, Freeze does nothing. Anything longer than a century
	// counts as a century, so that instants stay exact in Lua. Booked places keep their instants,
	// so a caller that slept must check again (Usage) before it sends.
	Freeze(ctx context.Context, k Key, d time.Duration, why Cause) error
	// Throttle handles a 429. It freezes the key for d, as Freeze does, and counts the 429s in a
	// row. If d is zero or less, KSeF named no time. Then the freeze lasts a minute after the first
	// 429 in a row, and each further 429 within the hour doubles it, up to an hour. Throttle
	// returns how long the key is frozen, and how many 429s in a row it has counted. A 429 that
	// comes while the key is frozen is not counted, because its request was under way when the
	// freeze began.
	Throttle(ctx context.Context, k Key, d time.Duration) (time.Duration, int, error)
	// Leave gives up a ticket's place on the waitlists, for a caller that will not come back.
	// Without it the ticket lapses some time after its instant.
	Leave(ctx context.Context, k Key, ticket string) error
	// Usage counts how much of limits is used; empty limits ask for the freeze alone.
	Usage(ctx context.Context, k Key, limits Limits) (Usage, error)
}

const (
	// ticketTTL is how long after its promised instant a ticket is kept, because a pool that is
	// busy with packages brings tasks back late. The tasks of a killed worker come after a minute
	// and a half and lose their places. Until such a ticket lapses, its place stays unused. That
	// costs a few places, once.
	ticketTTL = 30 * time.Second
	// These are for 429s that name no time: the first freeze, the longest freeze, and how long 429s
	// are counted after the end of a freeze.
	firstRest     = time.Minute
	maxRest       = time.Hour
	strikes429TTL = time.Hour
)

// unrecorded is the mark of a booking that has no limits. The store keeps no record of such
// bookings.
const unrecorded = 0

// bookingID joins an instant with its mark. Marks number the key's bookings from 1 to 255, and then
// begin at 1 again. The instant alone is not enough, because after a Cancel the next caller may get
// the same microsecond. If the Redis client then repeated the first Cancel, the repetition would
// remove the booking of the next caller.
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
	if mark, err = strconv.Atoi(number); err != nil || mark < 0 || mark > maxMark {
		return 0, 0, fmt.Errorf("booking id %q: mark must be 0 to %d", id, maxMark)
	}
	return at, mark, nil
}

// maxFreeze is longer than any real freeze, and ends well before the year 2255, after which Lua's
// numbers are no longer exact.
const maxFreeze = 100 * 365 * 24 * time.Hour

// freezeTime rounds d up to whole microseconds and bounds it by maxFreeze.
func freezeTime(d time.Duration) time.Duration { return wholeMicros(min(d, maxFreeze)) }

// maxMark is how many consecutive bookings of a key get different marks.
const maxMark = 255
