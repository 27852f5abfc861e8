// Package queue puts tasks into asynq. A task carries a kind and an id, and says when something is
// to be done. Only the ledger says what has happened.
//
//	kinds.go         the kinds of tasks, their queues and payloads
//	queue.go         put a task in, and serve it
//	chunk.go         one task for many invoices
//	put_all.go       very many tasks at once
//	replacement.go   a task whose worker was killed
//	stats.go         what is in the queues
//	sizes.go         how large the queues are
//	resume.go        end the pause of a queue
//	drop.go          remove the queues
//	prefix.go        asynq's keys in Redis
//	unbounded.go     asynq goes on while Redis is full
//	guarded.go       asynq goes on where a key holds a value of the wrong type; sick.go repairs such a queue
package queue
