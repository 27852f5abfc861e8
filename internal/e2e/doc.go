// Package e2e tests the programs enqueue and worker as processes, with a real Redis. The
// simulator's books show whether everything went right. The tests do what a person would do by
// hand. They also do what nobody could do by hand, such as kill a worker at exactly one step.
package e2e
