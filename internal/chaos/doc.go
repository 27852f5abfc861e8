// Package chaos breaks a whole pool on purpose and then audits what became of the invoices.
//
// One run consists of a real redis-server, the strict simulator, several worker processes, and a
// controller. Half of the tenants use the simulator's copy of the gateway. The other half use its
// copy of KSeF's own API, by token or by certificate. Both copies share one set of books. The
// controller hands in invoices and disrupts the pool meanwhile. It kills workers (SIGKILL), and
// stops them (SIGSTOP) for longer than the pool waits for them. It kills and restarts Redis, and
// takes the leases of running tasks away. It also orders faults from the simulator: lost answers,
// refused sessions, throttling, HTML and closed connections. At KSeF's own API there are also
// logins that hang or fail, tokens that end too soon, unknown or paused sessions, and withdrawn
// keys.
//
// The company that exports invoices (the exporter) has programs of its own. Its HTTP receiver of
// results fails, answers late and drops connections. For the exporter, the command enqueue watch
// takes invoices, single or in ZIPs, from a folder. The watch is killed and started again. Writers
// of files are killed in the middle of a file.
//
// When every invoice has its end, the run is audited against the simulator's books and the files in
// the archive. The audit demands the following. Each good invoice was accepted exactly once and
// never sent again after that. Its number and receipt are archived, and its bytes are unchanged.
// Only an invoice that KSeF asked to send again too many times may be parked instead. Each bad
// invoice was rejected with KSeF's own code, or refused by the folder. Every limit was kept where a
// client could keep it, and only invoices that were handed in were accepted. The receiver was told
// the final outcome of every invoice, in order of the invoice's revisions. The last outcome that it
// was told is the one in the ledger. Every file that was written into the watched folder is there
// exactly once, in the folder below it that fits the file's outcome. Each invoice has its result,
// and each accepted invoice its receipt.
//
// Partial faults (see PartialFaults) add to this. Requests of one tenant or of one operation fail.
// The part store or the archive hangs. A replica lacks a key. Entries of a newer version are in the
// ledger. Lists and receipts lack entries, or write them differently. Redis fails over to a replica
// that lags. Then the audit also asks which invoices had to wait. When such a fault is ordered
// alone, only invoices that it concerns may wait. Two partial faults, archive-hangs and failover,
// change the set-up of the run. When other faults are ordered too, every second seed has
// archive-hangs, and every third seed has failover.
//
// Everything random is drawn from one seed before the run begins. The same seed gives the same
// invoices and the same disruptions at the same moments. Which work a disruption hits depends on
// the machine.
package chaos
