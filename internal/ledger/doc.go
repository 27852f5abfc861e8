// Package ledger records what happened to every invoice and every package. The queue decides when
// something is tried; only the ledger says what came of it.
//
// Everything is in one Redis: a single node or Sentinel, not a Cluster, because a script touches
// many keys that share no hash slot. Invoices and packages are changed by Lua scripts, except when
// invoices are taken in: that is a watched transaction. A change compares the state, and mostly the
// revision, before it writes. So when two workers both believe that they own an invoice, only one
// of them can move it: the later one gets a [*ConflictError] and MUST stop what it was doing.
//
// The order of writing keeps the promise that nothing is sent twice: the state that names a call is
// written before the call is made. A package is [PackageClosing] before close is called, and an
// invoice is [Sending] before it is posted. A process that later finds such a state knows that the
// call may have been carried out, and asks KSeF before it makes the call again.
//
// An entry that cannot be read (a newer build wrote it, or it is damaged) affects no other entry: a
// call that reads many returns the others, and an [*UnreadableError] that names it.
//
// Times are Redis's own (TIME): a worker whose clock is wrong must not prune what has just ended.
//
// The keys are in keys.go, the scripts in lua. docs/redis.md lists the keys together with all
// others that the pool writes; docs/states.md says who may make which move.
package ledger
