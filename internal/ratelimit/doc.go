// Package ratelimit says when a request may be sent: exact sliding windows per tenant and operation
// group, shared by a pool of workers through Redis, and circuits for outages: one for each tenant's
// group of operations, and one for the host.
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
// # Coming back
//
// Who would have to wait longer than it may sleep books nothing and comes back. With a [Ticket] it keeps its place: the store has a line of those who were told to return, in order of
// arrival, and each is told the instant at which it would be served if all before it were ([Slot]). So about as many come back as will be let through, in their order, and newcomers stand
// behind them. Booking those instants at once was the other choice. It was not taken because a queue of tasks brings its tasks back late, up to a second or two: an instant that is
// booked and missed is lost, and cannot be shifted, because those behind it are booked as closely as the windows allow. A place in line can: who is late books the next instant
// that is free, and the line moves up by as much. The line says who comes when; what may be sent is decided by what is booked, and by nothing else.
//
// Who does not return within half a minute after its instant loses its place. Urgent callers have a line of their own. Who says by when it has to be done ([Due]) stands before those who
// are due later, however long they wait: after an outage of days all come back at once, and in no order.
//
// # After a 429
//
// The key is frozen for the full time that was asked for, or for one that grows with each strike ([Store.Throttle]). Then one request goes, two more after two seconds, then four, and so
// on, whatever the windows would allow: the whole pool at once would only provoke the next 429.
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
