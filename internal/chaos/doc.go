// Package chaos breaks a whole pool on purpose and then counts what came of it.
//
// One run is a real redis-server, the strict simulator, a number of worker processes, and a controller that hands in invoices while it kills the workers
// (SIGKILL), stops them for longer than anybody waits for them (SIGSTOP), kills and restarts Redis, takes running tasks' leases away, and orders the simulator to
// lose answers, to refuse sessions, to throttle, to answer HTML, to hang up. When every invoice has its end, the run is judged by the simulator's
// books and by the files in the archive, by code that shares nothing with the workers': each good invoice accepted exactly once, never sent again after it was accepted, its number and
// receipt on file, its bytes unchanged; each bad one rejected with KSeF's own code; no limit overrun; nothing accepted that was not handed in.
//
// Partial faults come on top (PartialFaults lists them): one tenant's requests fail, or one operation's; the part store or
// the archive hangs; a replica lacks a key; entries of a newer version stand in the ledger; lists and receipts lack
// entries, or tell them in other words; Redis fails over to a replica that lags. Then the judge also asks who had to
// wait, and, where one was ordered alone, nobody may whom it does not concern. Archive-hangs and failover change what
// the run stands on: every second seed has the one, every third the other.
//
// Everything random is drawn from one seed before the run begins. The same seed gives the same invoices and the same blows at the same moments; what they hit
// depends on the machine.
package chaos
