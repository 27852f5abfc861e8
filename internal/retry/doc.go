// Package retry turns facts about a failure into a verdict, and a verdict into what asynq
// understands.
//
// asynq archives a task when its retries are used up, no matter whether it failed or had to wait.
// Therefore every task has practically unlimited retries ([Unlimited]), and waiting consumes none,
// with the exception that [IsFailure] names. The real limits (how often KSeF may refuse a session)
// are in the ledger, where a person can see them.
package retry
