// Package tasks is the way of an invoice. Read it in this order:
//
//	admit.go      a document is checked and taken into the ledger            enqueue
//	submit.go     invoice:submit   choose the lane
//	cut.go        package:cut      make a package of what waits
//	policy.go                      when that is: midnight.go before midnight, allowance.go by what is left
//	lanes.go                       few invoices: express or a package
//	package.go    package:submit   build, open, upload, close                bulk lane
//	putback.go                     no session for it: its invoices wait anew
//	express.go    invoice:send     into the worker's open online session     express lane
//	confirm.go    package:confirm  poll the session; open.go: one that still takes sends
//	confirmation.go                ask, decide (package settlement), act, until it has ended or waits
//	ask.go                         the facts that a decision needs; kin.go: other packages of its family
//	apply.go                       carry a decision out; write.go: the moves of invoices
//	originals.go                   what KSeF calls a duplicate, or has lost the session of
//	register.go                    look them up in KSeF's register
//	probe.go                       a piece of a refused package goes ahead: is it the package, or KSeF
//	receipt.go    package:receipt  UPO (attest.go), document and result (papers.go) to the archive
//	sweep.go      sweep            find what nobody drives on
//
// The queue says when; the ledger says what happened. Every handler reads the ledger first, does what the state asks for, and is safe to run twice, at the
// same time, on two machines: the ledger's compare-and-set lets one of them through.
package tasks
