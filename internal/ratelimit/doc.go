// Package ratelimit says when a request may be sent: exact sliding windows per tenant and operation group, shared by a pool of workers through Redis,
// and a circuit per host for outages.
//
// # What "requests of the last second" means here
//
// KSeF counts, at any moment x, the requests of the last second, 60 s and 3,600 s (KSeF limits, September 2026), and does not say whether a request made
// exactly one second before x is still one of them. This package takes the closed window [x-Per, x]: two requests exactly Per apart count together, so the
// second of them is placed Per + 1 µs after the first. If KSeF means the half-open window, that costs one microsecond; the other choice would cost a 429.
// Instants are whole microseconds everywhere.
//
// # Booking
//
// A request is not asked "may I?" again and again: it books the earliest instant at which it fits every window, counting all that is booked before AND
// after that instant, and is told how long to wait. Callers with the same Reserve therefore leave in the order in which they came. A fixed window overruns at its edges, and GCRA either
// overruns by its burst or wastes what the burst holds back; the log of instants does neither.
//
// # Margin
//
// KSeF counts at arrival, we count at departure. If a request arrives between 0 and m after its booked instant, widening each window by m keeps the count at
// arrival below the limit. The margin is part of every request for that reason; [Limiter] sets it and refuses to let a request go that is later than it.
//
// # Stores
//
// [Redis] keeps everything in Redis and on Redis's clock, so the clocks of workers do not matter; [Memory] serves a single process and tests. Both answer
// alike, to the microsecond: one suite compares them.
package ratelimit
