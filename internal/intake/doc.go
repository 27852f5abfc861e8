// Package intake takes documents in. It reads and checks them, writes them into the ledger, and
// queues their tasks.
//
// [Read] yields what paths hold (each is a file, a folder, a ZIP archive or standard input), with a
// [Problem] for what cannot be read. [Run] hands the documents to an [Admitter], many at a time.
// Each of the two keeps at most some tens of megabytes of documents in memory, whatever the paths
// hold.
//
//	read.go          paths: file.go, folder.go, zip.go, stdin.go; buffer.go: memory for files
//	manifest.go      a list of documents with terms for each; wanted.go: those terms as text
//	faktura.go       an invoice as JSON, of which the gateway makes XML; json.go, scalars.go: its
//	                 checks
//	run.go           many documents, in order; refusals.go: what was refused goes on record
//	admit.go         a batch of documents; prepare.go: the checks of one
//	tenant.go        the tenant of a document; drain.go: a tenant that takes nothing new in;
//	                 taxpayer.go: a name that means another taxpayer in the ledger
//	document.go      what is handed in, and what became of it
//	terms.go         deadline and lane, also when they are given again; refs.go: the sender's own
//	                 key; corrects.go: technical corrections
//	large.go         a document that is too large for Redis
//	take.go          sound documents into the ledger; trail.go: what log and traces tell of them
//	compare.go       the same number again: the same invoice, or another document; held.go: a
//	                 refused document that the ledger has; archived_before.go: a document that
//	                 only the archive knows
//	wait.go          waiting until all are decided
//
// The input was made by others and is not trusted. Every document has a maximum size. The list of
// entries of an archive and its whole unpacked content have maximum sizes too. This package never
// unpacks anything to disk.
package intake
