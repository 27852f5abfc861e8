// Package chaos breaks a whole pool on purpose and then audits what became of the invoices.
//
// One run consists of a real redis-server, the strict simulator, several worker processes, and a
// controller. Half of the tenants go through the gateway's face of the simulator, the other half
// straight to KSeF, by token and by certificate; there is one set of books. The controller hands in
// invoices and disrupts the pool meanwhile: it kills workers (SIGKILL), stops them for longer than
// the pool waits for them (SIGSTOP), kills and restarts Redis, and takes the leases of running
// tasks away. It also orders faults from the simulator: lost answers, refused sessions, throttling,
// HTML, closed connections; and at KSeF's own API logins that hang or fail, tokens that end too
// soon, sessions that are not known or paused, withdrawn keys.
//
// The company that exports invoices (the exporter) has programs of its own: an HTTP receiver of
// results, which fails, answers late and drops connections, and a folder from which enqueue watch
// takes invoices, single or in ZIPs. The watch is killed and started again, and so are the writers
// of files, in the middle of a file.
//
// When every invoice has its end, the run is audited by the simulator's books and by the files in
// the archive. Each good invoice was accepted exactly once and never sent again after that; its
// number and receipt are archived; its bytes are unchanged. The exception is an invoice that KSeF
// asked for again so often that it was parked. Each bad invoice was rejected with KSeF's own code,
// or refused by the folder. No limit was overrun where a client could keep it, and nothing was
// accepted that was not handed in. The receiver was told the final outcome of every invoice, in
// order of its revisions, and the last of them is the ledger's. Every file that was written into
// the folder is in its place once; each invoice has its result, and each accepted one its receipt.
//
// Partial faults (PartialFaults lists them) add to this: requests of one tenant or of one operation
// fail; the part store or the archive hangs; a replica lacks a key; entries of a newer version are
// in the ledger; lists and receipts lack entries, or write them differently; Redis fails over to a
// replica that lags. Then the audit also asks which invoices had to wait. When such a fault is
// ordered alone, an invoice that it does not concern must not wait. Two partial faults,
// archive-hangs and failover, change the set-up of the run: when there are others, every second
// seed has the first, every third the second.
//
// Everything random is drawn from one seed before the run begins. The same seed gives the same
// invoices and the same disruptions at the same moments; what a disruption hits depends on the
// machine.
package chaos
