// Package sinks tells receivers what became of invoices: webhooks, a Redis stream, a folder.
// Package postgres below it writes to a database.
//
//	sink.go      what a receiver is, and what it may answer
//	runner.go    serve one receiver: from its place in the outbox to the end
//	round.go     one round: what is due, deliver, record
//	read.go      what a round reads from the outbox, and what it leaves behind
//	conclude.go  what became of each outcome, and how the receiver is
//	standings.go how each tenant stands with the receiver: one that is refused holds up no other
//	slow.go      a tenant for which the receiver answers slowly
//	message.go   from an outcome to a result document
//	pace.go      the pauses between attempts
//	person.go    what a person does: send again, send on
//	webhook.go, dial.go, sign.go   the webhook (Standard Webhooks)
//	stream.go    the Redis stream
//	folder.go    files
//	trace.go     the span of each result that was taken
//
// Every receiver gets every outcome of its tenants at least once, and the outcomes of one invoice
// in their order. The log tells of the exceptions, such as an outcome that a receiver has not taken
// for three days, or outcomes that leave the outbox before the receiver takes them. A repeated
// outcome has the same id and revision.
//
// A receiver that takes nothing keeps its place in the outbox, so its backlog costs nothing. A
// single outcome that it does not take is held, and the outcomes of other invoices go on. When it
// takes nothing of one tenant, that tenant has a place of its own in the outbox. One receiver never
// waits for another: each has a task of its own.
package sinks
