// Package testbed starts what a worker needs on one machine: a redis-server, the simulator behind
// an HTTP listener, a key file, and a configuration that names them. The package also audits the
// simulator's books. The end-to-end tests, the chaos run and the demo use it. It does not import
// package testing, because the demo links it.
package testbed
