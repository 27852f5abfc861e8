// Command simulator is a stand-in for the gateway ksefapi.pl and for KSeF behind it, for demos and
// tests.
//
// When it is ready it prints the line "simulator listening on http://ADDRESS" to standard output.
// With --direct-addr it prints a second line, with the address of the Ministry's own API. Logs go
// to standard error. GET /sim/books returns what the simulator received. docs/simulator.md
// describes the program.
package main

import (
	"os"
	_ "time/tzdata" // Europe/Warsaw in an image without zone files
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
