// Package retry turns facts about a failure into a verdict, and a verdict into what asynq understands.
//
// asynq archives a task when its retries are used up, whether the error was a failure or only "not yet"; and it never forgets to count. So every
// task has a practically endless budget here ([Unlimited]), waiting consumes none of it, and the real budgets (how often KSeF may refuse a session)
// are kept in the ledger, where a person can see them.
package retry
