// Package ledger records what happened to every invoice and every package. The queue decides when
// something is tried. Only the ledger says what came of it.
//
// Everything is in one Redis, which is a single node or Sentinel. A Cluster is impossible, because
// a script touches many keys in different hash slots. Invoices are taken in by a watched
// transaction. All other changes of invoices and packages are made by Lua scripts. A change
// compares the state, and usually the revision, before it writes. When two workers both believe
// that they own an invoice, only one of them can move it. The later one gets a [*ConflictError] and
// MUST stop what it was doing.
//
// The order of writing keeps the promise that nothing is sent twice. The state that announces a
// call is written before the call is made. A package is [PackageClosing] before close is called,
// and an invoice is [Sending] before it is posted. A process that later finds such a state knows
// that the call may have been carried out, and asks KSeF before it makes the call again.
//
// An entry is unreadable if it is damaged or a newer build wrote it. It affects no other entry. A
// call that reads many entries returns the readable ones, and an [*UnreadableError] that names the
// others.
//
// All times come from Redis's own clock (TIME). A worker whose own clock is wrong could otherwise
// prune entries that have just ended.
//
// The keys are in keys.go, the scripts in lua. docs/redis.md lists these keys and all others that
// the pool writes. docs/states.md says who may make which move.
package ledger
