// Package watch takes invoices from a folder that another program writes into. It hands them in
// through package intake, and shows in the same folder what became of them.
//
//	DIR/FV1.xml                  put there by the other program, at any time, in any subfolder
//	DIR/.ksef.yaml               tenant, lane, deadline of this folder and those below (settings.go)
//	DIR/taken/FV1.xml            it is on its way
//	DIR/accepted/FV1.xml         KSeF has it; beside it are its result and its receipt:
//	DIR/accepted/FV1.xml.json
//	DIR/accepted/FV1.xml.upo.xml
//	DIR/unpacked/N.zip           an archive; its invoices are in taken/N.zip/, accepted/N.zip/ …
//	DIR/rejected/, parked/, refused/, dismissed/   the same for the other outcomes
//	DIR/ksef-waiting.txt         files that wait here, each with its reason; removed when none waits
//	DIR/.ksef/                   the lock, and one record for each file that is followed or renamed
//
// The folder itself is the record. A file is in exactly one place. It changes its place by a
// rename, which comes last, after its result is written. The next process does what a killed
// process has left undone, so each step may be done twice. A document may also be handed in twice,
// because the ledger then answers "already here".
//
//	watch.go      options, the loop; core.go: its parts; once.go: until nothing is left to do
//	notify.go     what wakes it: the system's notices, or the time (share_linux.go)
//	scan.go       files that are complete
//	take.go       from the folder into taken/; names.go: a name that is free
//	unpack.go     an archive in taken/ becomes a folder there, unpack_refuse.go: or is refused;
//	              entries.go: what is in it
//	settings.go   the files .ksef.yaml; kept_settings.go: those of folders that are gone
//	handin.go     from taken/ into the ledger; faktura.go: invoices that are JSON; maker.go: asks
//	              the gateway for their XML; record.go: puts refusals on record, and tells which
//	              files are handed in again later
//	follow.go     what the ledger says about them; commit.go: into the folder of the outcome
//	journal.go    records of what is followed and renamed; waits.go: what waits, and why
//	disk.go       writes and moves; lock_unix.go: one watch for one folder
//
// The folder is written by others and is not trusted. No link is followed, no name leads out of the
// folder, and a fault of one file concerns that file alone.
package watch
