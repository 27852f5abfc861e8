// Package testbed starts what a worker needs on one machine: a redis-server, the simulator behind
// an HTTP listener, a key file, and a configuration that names them. It also audits the simulator's
// books. The end-to-end tests, the chaos run and the demo share it. It does not import the testing
// package, because the demo links it.
package testbed
