// Package sinks tells receivers what became of invoices. Receivers are webhooks, a Redis stream,
// and a folder. The subpackage postgres writes to a database.
//
//	sink.go      what a receiver is, and what it may answer
//	runner.go    serve one receiver: from its place in the outbox to the end
//	round.go     one round: what is due, deliver, record
//	read.go      what a round reads from the outbox, and what it leaves behind
//	conclude.go  what became of each outcome
//	out.go       how a receiver is out: not reached, or it answers and takes nothing
//	streak.go    when a receiver that refuses every single result is shown as out
//	standings.go how each tenant stands with the receiver, so that no tenant holds up another
//	asked.go     whose results wait when the receiver asks for time (Retry-After)
//	aside.go     outcomes without a tenant, while the receiver takes none of them
//	slow.go      a tenant for which the receiver answers slowly
//	wanted.go    whose results the receiver gets, also when a tenant was renamed
//	strangers.go whose results no receiver gets: the name of the tenant means another taxpayer
//	unread.go    results that wait because what they are about cannot be read
//	message.go   from an outcome to a result document
//	pace.go      the pauses between attempts
//	clock.go     whose clock counts, and when two clocks have to agree
//	person.go    what a person does: send again, send on
//	webhook.go, dial.go, sign.go   the webhook (Standard Webhooks)
//	check.go     what is wrong with a webhook before it is called
//	stream.go    the Redis stream
//	folder.go    files
//	folder_lock.go   who may write into the folder now
//	trace.go     the span of each result that was taken
//
// Every receiver gets every outcome of its tenants at least once, and the outcomes of one invoice
// in their order. The log tells of exceptions. For example, an outcome is given up after three
// days, or outcomes leave the outbox before the receiver takes them. A repeated outcome has the
// same id and revision.
//
// A receiver that cannot be reached keeps its place in the outbox, so its backlog costs nothing. If
// the receiver refuses a single outcome, this outcome is held, and the outcomes of other invoices
// go on. If the receiver refuses everything of some tenants, each of these tenants has a place of
// its own in the outbox, and the other tenants go on. Each receiver has a task of its own, so
// receivers never wait for each other.
package sinks
