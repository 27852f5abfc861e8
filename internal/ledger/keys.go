package ledger

// The names of the ledger's keys in Redis, after the prefix ("ksef:" by default). A name that ends
// with a colon is followed by the value that its comment has before the first arrow. Scores that
// are times are in milliseconds. docs/redis.md lists these keys and all others that the pool
// writes. It also says when a key expires or is deleted.
const (
	// Invoices. Each is an entry, a document until its receipt is archived, and a place in some
	// indexes.
	keyInvoice    = "inv:"       // id → hash: the entry
	keyBody       = "body:"      // id → string: the document, compressed and perhaps encrypted
	keyIdentity   = "ident:"     // digest of an identity → string: id of its newest document
	keyFinal      = "final:"     // two characters of an id → hash: bytes of the id → entry of a receipted invoice (final_bucket.go)
	keyIdentities = "idents:"    // three characters of a digest → hash: more of the digest → id; of receipted invoices
	keyRef        = "ref:"       // digest of a tenant and a ref → string: id of the invoice that has the ref (refs.go)
	keyRevisions  = "more:"      // digest of an identity → set: ids of all its documents, when there are several
	keyShapes     = "shapes"     // hash: digest of a shape → what packed entries have in common, as JSON (shapes.go)
	keySellers    = "sellers"    // set: <NIP>|<RodzajFaktury> of every invoice; with P_2 these give the identities
	keyState      = "st:"        // state → zset: ids by time of the last change
	keyDue        = "due"        // zset: ids of undecided invoices by legal deadline
	keyPending    = "owed"       // zset: ids of ended invoices whose result is not in the archive yet, by time
	keyUnreadable = "unreadable" // zset: names of what cannot be read ([Unreadable].Key), by time of the last check
	keySickSeen   = "sickseen"   // string: names of the shared keys that were seen sick, one a line (sick.go)
	keyCursors    = "cursors"    // hash: index → score and id of the last entry that a pass has listed
	keyTaskPass   = "looked"     // string: position of the pass that WithoutTask makes through the queued invoices

	// Waiting sets. A group has the name that [Group.Name] returns.
	keyGroups   = "groups"   // set: groups whose waiting set is not empty
	keyWait     = "wait:"    // group → zset: ids that wait for a package, by legal deadline
	keyWaitAge  = "waitage:" // group → zset: the same ids by the time when they began to wait
	keyWaitSize = "waitsize" // hash: group → bytes of XML that wait

	// Packages.
	keyPackage      = "pkg:"    // id → hash: the entry
	keyMembers      = "pkginv:" // id → zset: ids of its invoices by ordinal
	keyCutNumbers   = "cutnum:" // id → set: P_2 of its invoices while the package is being cut
	keyPackageState = "pst:"    // state → zset: ids by time of the last change

	// Refused documents. The tenant is "" for documents that belong to no tenant.
	keyRefused        = "refused:"        // tenant → hash: id → the refusal as JSON
	keyRefusals       = "refusals:"       // tenant → zset: their ids by time
	keyOpenRefusals   = "refusalsopen:"   // tenant → zset: ids of those on which a person still has to act
	keyRefusers       = "refusers"        // set: tenants that have or had refusals
	keyRefusalsTold   = "refusalstold:"   // tenant → how many of its refusals came within refusalsToldIn after the first of them
	keyClientRefusals = "refusalsby:"     // client → zset: ids of the refusals of its documents that belong to no tenant, by time
	keyClientTold     = "refusalstoldby:" // client → the same count as in keyRefusalsTold, of its documents that belong to no tenant

	// Open items are invoices and refused documents on which a person has to act.
	keySeen = "seen" // hash: id of an invoice, or tenant|id of a refusal → when and by whom it was marked as seen (seen.go)

	// Outcomes on their way out. A sink is a receiver of results by its name (sinks.go).
	keyOutbox     = "outbox"        // stream: outcomes in the order in which they were written
	keyAside      = "outboxaside"   // stream: outcomes that were written while the key of the outbox held another type (lua/outbox.lua)
	keyNotKept    = "outboxlost"    // hash: how many outcomes could not be kept, and when ([NotKept]); expires
	keySink       = "sink:"         // sink → hash: its position in the outbox, and what is wrong with it
	keySinks      = "sinks"         // set: names of the sinks that a process has served
	keySinkLease  = "sinklease:"    // sink → string: token of the process that serves the sink now
	keySinkHeld   = "sinkheld:"     // sink → hash: id → the outcomes of that invoice that the sink has not taken, as JSON
	keySinkDue    = "sinkdue:"      // sink → zset: these ids by the time of the next attempt
	keySinkStands = "sinkstanding:" // sink → hash: tenant → what of it is held or left behind, as JSON ([Standing])
	keySinkFailed = "sinkfailed:"   // sink → hash: id:revision → an outcome that was given up, as JSON
	keySinkGaveUp = "sinkgaveup:"   // sink → zset: the same names by the time when they were given up

	// Tenants, workers and the ledger as a whole.
	keyArchives  = "archives"  // set: URLs of the archives that were used
	keyTenant    = "tenant:"   // tenant → hash: what KSeF lately did with its requests ([Tenant])
	keyTenants   = "tenants"   // set: tenants whose hash "tenant:" holds words of KSeF
	keyInflow    = "inflow:"   // tenant → string: how many invoices the tenant has handed in within this minute
	keyRequest   = "request:"  // digest of a sender and its Idempotency-Key → string: digest of the call, for a day
	keyTaxpayers = "taxpayers" // hash: name of a tenant → NIP of the taxpayer whose invoices are here under this name (taxpayers.go)
	keyHolds     = "holds"     // hash: tenant → the hold of a person as JSON ([Hold])
	keyWorker    = "worker:"   // worker → string: time of its last heartbeat, and the format that it reads; expires
	keyHome      = "home"      // string: environment and gateway as JSON ([Home])
	keySeals     = "seals"     // hash: how documents are sealed: newest layout, state of each storage key ([Seals])
	keyFence     = "fence"     // string: written only to see whether the replicas follow
)

// key returns the whole name of a key, made of the prefix and the parts.
func (st *store) key(parts ...string) string {
	k := st.prefix
	for _, p := range parts {
		k += p
	}
	return k
}
