package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// The partial faults. Each makes one part fail, for a while or for good, and leaves the rest
// healthy. Each can be ordered alone.
const (
	Tenant5xx     = "tenant-5xx"          // every request of one tenant answers 502 or 503
	TenantHangs   = "tenant-hangs"        // every request of one tenant hangs, is reset or gets a firewall's HTML
	Operation5xx  = "operation-5xx"       // one operation answers 502 or 503 to all tenants
	PartStore     = "part-store"          // the storage of batch parts fails or hangs, the gateway does not
	ArchiveHangs  = "archive-hangs"       // the archive is a bucket that takes connections and does not answer
	KeylessWorker = "replica-without-key" // one more worker, without the key file of one tenant
	NewerEntry    = "newer-entry"         // the ledger holds an invoice and a package of a newer version
	Rewritten     = "rewritten-numbers"   // numbers come back with other white space
	Missing       = "missing-entries"     // lists lack entries that their session counts
	Unnamed       = "unnamed-entries"     // entries come back without the invoice's number
	Undecodable   = "undecodable-fields"  // one field of an entry has another type or form
	ShortReceipt  = "short-receipts"      // receipts lack a document for a while
	SplitNumbers  = "split-numbers"       // KSeF numbers have one hyphen more: FFFFFF-FFFFFF
	Failover      = "failover"            // Redis is a master, a replica that lags, and a Sentinel; the master dies
	OneSession    = "one-session"         // the status, list or receipt of one session answers 502 or 503
)

const (
	everyOther = 2          // one seed in this many has archive-hangs; the others have a folder
	everyThird = 3          // one seed in this many has failover
	label      = "partial:" // before the names, in the simulator's books
)

// PartialFaults returns the names of all partial faults.
func PartialFaults() []string {
	return []string{Tenant5xx, TenantHangs, Operation5xx, PartStore, ArchiveHangs, KeylessWorker, NewerEntry, Rewritten,
		Missing, Unnamed, Undecodable, ShortReceipt, SplitNumbers, Failover, OneSession}
}

// ParsePartial reads a list of names with commas, or "all", or "none". An empty text means none.
func ParsePartial(list string) ([]string, error) {
	switch list {
	case "all":
		return PartialFaults(), nil
	case "", "none":
		return nil, nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(PartialFaults(), n) {
			return nil, fmt.Errorf("%q is not a partial fault; choose among %s", n, strings.Join(PartialFaults(), ", "))
		}
	}
	return names, nil
}

// alone reports whether the run has one partial fault and nothing else that could delay an invoice.
func (o Options) alone() bool {
	return len(o.Partial) == 1 && o.calm()
}

// has reports whether a fault is part of this run. Two faults change the set-up of the run, so only
// some seeds have these two. A fault that is the only one in the list is part of every run.
func (o Options) has(name string) bool {
	if !slices.Contains(o.Partial, name) {
		return false
	}
	switch {
	case len(o.Partial) == 1:
		return true
	case name == ArchiveHangs:
		return o.Seed%everyOther == 1
	case name == Failover:
		return o.Seed%everyThird == 0
	}
	return true
}
