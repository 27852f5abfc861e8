// Package tasks is the path of an invoice. It has the handlers of the queue's tasks, in the order
// of the path. Read it in this order.
//
// What a worker is made of, and what it needs of others:
//
//	worker.go            the worker, its parts and options; core.go: what every part of it uses
//	handler.go           how each task begins and ends; events.go: what it tells the metrics
//	transport.go         what it asks of KSeF, for one taxpayer
//
// The lanes:
//
//	submit.go            invoice:submit: choose the lane; hold.go: what a person holds back
//	chunk.go             invoices:submit: the same for many invoices in one task
//	lanes.go             few invoices: express or a package
//	urgency.go           what goes ahead of what
//	cut.go               package:cut: make a package of what waits
//	arriving.go          what the decisions of a round share, such as who still stands in line
//	policy.go            when to cut; allowance.go: what is left of the hour's sessions;
//	                     midnight.go: before midnight; holdback.go: not during an outage
//	express.go           invoice:send: one invoice at once; online_session.go: the open session;
//	                     post.go: the send itself
//
// The package:
//
//	package.go           package:submit: build, open, upload, close; build.go: the build,
//	                     package_form.go: as ZIP or tar.gz
//	documents.go         reading the documents; storage.go: one that is sealed with another key;
//	                     unread_document.go: one that cannot be read;
//	                     unread.go: an entry that cannot be read
//	builds.go            how many packages are built at a time; memory.go: how many bytes they take;
//	                     document_memory.go: memory is used again; spool_fault.go: the disk is full
//	upload.go            sending the parts
//	probe.go             a piece of a refused package goes ahead: is the package at fault, or KSeF
//	back_to_waiting.go   no session for it: its invoices wait again
//	fence.go             a state that must not be lost is on enough replicas before a call
//	correction.go        a technical correction of a rejected offline invoice
//	session_refusal.go   a send that was refused because of its session
//	closes.go            closing sessions side by side
//	leave_to_others.go   a session that cannot be closed here; lost_session.go: one that is in
//	                     the ledger and not in the memory of its worker
//	opened.go            a package whose worker is gone
//
// What became of it (docs/architecture.md tells it file by file):
//
//	confirm.go           package:confirm: poll the session; open.go: one that still takes sends
//	still_open.go        a session that says that it is open, long after it was closed
//	incomplete.go        a session that KSeF cannot close, because parts are missing
//	poll_schedule.go     how often sessions are polled; turns.go: how many tasks ask at a time
//	alarms.go            pauses that end exactly on time
//	confirmation.go      ask, decide (package settlement) and act, until the package ends or waits
//	ask.go               the facts that a decision needs; family.go: other packages of its family
//	apply.go             carry a decision out; write.go: moves of invoices; park.go: an invoice
//	                     waits for a person; ended_log.go: the log of rejected and parked
//	                     invoices; decided.go: the figures of decided invoices
//	originals.go         invoices that KSeF calls duplicates, or whose session it no longer knows
//	register.go          look them up in KSeF's register; by_number.go: a few, one by one
//
// What is kept:
//
//	receipt.go           package:receipt: the UPO, documents and results go to the archive
//	attest.go            what a UPO attests; receipt_sources.go: where it comes from;
//	                     archived.go: documents that the archive has
//	archive_documents.go documents and results go to the archive; filing.go: one batch of them;
//	                     filing_bundles.go: in bundles, ZIPs of many invoices of a package;
//	                     filing_hangs.go: bundles that get no answer; filing_tidy.go: the
//	                     indexes of bundles are joined; filing_move.go: the ledger learns what
//	                     is durable
//	archive_use.go       how many tasks use the archive; bulkhead.go: how many tasks of a kind run,
//	                     in total and for one tenant
//
// What holds it together:
//
//	sweep.go             find what is not final and has no task
//	sweep_queued.go      queued invoices that lost their task
//	sweep_results.go     results that are pending; sweep_superseded.go: invoices that another
//	                     document of their number ended
//	sweep_finished.go    unreadable entries of finished invoices and packages
//	sweep_format.go      the next format of the ledger, when every process reads it
//	remove_documents.go  documents that nothing needs any more
//	pulse.go             the worker's heartbeat; clock.go: Redis's time
//	outage.go            tasks that wait until an outage is over
//	faults.go            errors of single entries among many; verdict_log.go: the log of how
//	                     tasks ended; trail.go: the log of changes of state; spans.go: traces;
//	                     said.go: what KSeF said about a failed task is kept
//
// The queue says when; the ledger says what happened. Every handler reads the ledger first and does
// what the state asks for. A handler may run twice, even at the same time on two machines, because
// the ledger's compare-and-set lets only one of the two through.
package tasks
