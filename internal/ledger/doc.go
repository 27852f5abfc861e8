// Package ledger is the record of what happened to every invoice and every package. The queue decides
// when something is tried; only the ledger says what came of it.
//
// Everything lives in one Redis (single node or Sentinel, not Cluster: a script touches many keys that share no hash
// slot). Every change is one Lua script (taking in: one watched transaction) that compares state and revision before it writes, so that two workers that both
// believe to own an invoice can never both move it: the later one gets a [*ConflictError] and MUST stop what it was doing.
//
// The order of writing is the promise that nothing is sent twice: the state that names a call is written before the
// call is made. A package is [PackageClosing] before close is called, an invoice is [Sending] before it is posted. Whoever finds
// such a state later knows that the call may have been carried out and asks before doing it again.
//
// An entry that cannot be read (written by a newer build, or damaged) concerns itself alone:
// whoever reads many gets the others, and an [*UnreadableError] that names it.
//
// Times are Redis's own (TIME): a worker whose clock is off must not prune what has just ended.
//
// The layout of keys, below the prefix ("ksef:" by default):
//
//	inv:<id>            hash    an invoice entry
//	body:<id>           string  its XML, compressed and perhaps encrypted, until the receipt is archived
//	home                string  where its invoices go: environment and gateway (Home)
//	seals               hash    how documents are sealed: the newest layout, and the state of each key by its id
//	ident:<digest>      string  identity (seller NIP, RodzajFaktury, P_2) → id of its newest revision
//	more:<digest>       set     ids of every revision, for identities that have had several
//	sellers             set     <NIP>|<RodzajFaktury> of whatever was handed in: with P_2 they give the identities that people look for by number
//	st:<state>          zset    invoice ids by time of last change, ms
//	cursors             hash    index → score and id of the last one that a pass through it has listed (NextInvoices)
//	unreadable          zset    inv:<id> or pkg:<id> of entries that somebody could not read, by time of the last look, ms
//	looked              string  how far the present pass through st:queued has come (Loose)
//	owed                zset    ids of ended invoices whose result the archive does not have yet, by time of last change, ms
//	due                 zset    ids of invoices that are on their way, by legal deadline, ms
//	groups              set     waiting groups that are not empty
//	wait:<group>        zset    ids that wait for a package, by deadline
//	waitage:<group>     zset    the same ids, by the time they began to wait, ms
//	waitsize            hash    group → bytes of XML that wait
//	pkg:<id>            hash    a package entry
//	pkginv:<id>         zset    its invoices, by ordinal
//	pst:<state>         zset    package ids by time of last change, ms
//	inflow:<tenant>     string  how many it handed in within the present minute
//	refused:<tenant>    hash    documents that were refused, by id: JSON; "" is the tenant of those that are nobody's
//	refusals:<tenant>   zset    their ids by time, ms
//	refusalsopen:<tenant> zset  those of them that a person still has to act on
//	refusers            set     tenants that have any, or had
//	tenant:<tenant>     hash    what was lately seen of it at KSeF (Tenant)
//	holds               hash    tenant → what a person keeps it from (Hold)
//	fence               string  something to write, to see whether the replicas follow
//	worker:<id>         string  there while that worker says that it is alive
//
// Others keep keys under the same prefix: the limiter (rate:, waitlist:, strikes429:, rate-clock), the circuits
// (circuit:), the worker (ready, partstore:, publickey:) and, unless the prefix is the default, asynq (asynq:).
package ledger
