// Package e2e tests the programs themselves, as processes: enqueue and worker with a real Redis.
// The simulator's books show whether everything went right. The tests do what a person would do by
// hand, and what nobody could do by hand: kill a worker at exactly one step.
package e2e
