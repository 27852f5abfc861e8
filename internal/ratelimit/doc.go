// Package ratelimit says when a request may be sent. It has exact sliding windows per tenant and
// operation group, which a pool of workers shares through Redis. It also has circuits for outages.
// Each tenant's group of operations has a circuit, and the host has one.
//
// # What "requests of the last second" means here
//
// At any moment x KSeF counts the requests of the last second, 60 s and 3,600 s (KSeF limits,
// September 2026). It does not say whether a request made exactly one second before x still counts.
// This package takes the closed window [x-Per, x]. Two requests exactly Per apart then count
// together, so the second of them is placed Per + 1 µs after the first. If KSeF means the half-open
// window, this choice costs one microsecond. The other choice could cost a 429. Instants are whole
// microseconds everywhere.
//
// # Booking
//
// A request does not ask "may I?" again and again. It books the earliest instant at which it fits
// every window, counting all that is booked before AND after that instant. Then it is told how long
// to wait. So callers that leave equally many places to more urgent callers ([Reserve]) are served
// in order of arrival. The usual algorithms do not fit. A fixed window lets up to twice its limit
// go around its edges. GCRA, the leaky bucket, either overruns the limit by its burst or wastes the
// places that it keeps back for the burst. This package keeps a log of all booked instants, which
// has none of these faults.
//
// # The waitlist
//
// A caller that would have to wait longer than it may sleep books nothing and comes back later.
// With a [Ticket] it keeps its place, because the store has a waitlist of such callers, in order of
// arrival if they have no deadlines. Each is told the instant at which it would be served after all
// callers before it (slot.go). So about as many come back as can be served, in their order, and
// newcomers stand behind them.
//
// Booking those instants at once was the other choice. It was rejected because a task queue brings
// its tasks back up to a second or two late. A booked instant that is missed is lost. It cannot be
// moved, because the instants behind it are as close as the windows allow. A place on the waitlist
// can move. A late caller books the next free instant, and the rest of the waitlist moves up. The
// waitlist only says who comes when. Bookings alone decide what may be sent.
//
// A caller that does not return within half a minute after its instant loses its place. Urgent
// callers, which leave no places to others, have their own waitlist. A caller with a deadline
// ([Due]) stands before callers with a later deadline, however long they have waited. The deadline
// of a caller without one is the time of its arrival. Deadlines matter after an outage of days,
// when all callers return at once and in no order.
//
// # After a 429
//
// The tenant's group of operations (the [Key]) is frozen for the full time that KSeF named, or for
// a time that grows with each 429 ([Store.Throttle]). Then one request goes, two more after two
// seconds, then four, and so on, even if the windows would allow more. The whole pool at once would
// only provoke the next 429.
//
// # Margin
//
// KSeF counts a request when it arrives, and this package counts it when it leaves. If a request
// arrives between 0 and m after its booked instant, widening each window by m keeps the count at
// arrival within the limit. Therefore every request carries the margin m. [Limiter] sets the
// margin, and stops a request that would leave more than m after its booked instant.
//
// # Stores
//
// [Redis] keeps everything in Redis and uses Redis's clock, so the clocks of workers do not matter.
// [Memory] serves a single process and tests. Both give the same answers to the microsecond, as one
// test suite checks.
package ratelimit
