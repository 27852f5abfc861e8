// Package e2e runs the programs themselves, as processes: enqueue, worker, a real Redis, with the simulator's books as the judge. Its tests are what a person would do by hand,
// and what a person would not: kill a worker at exactly one step.
package e2e
