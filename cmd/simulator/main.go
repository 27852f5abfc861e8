// Command simulator is a stand-in for the gateway ksefapi.pl and for KSeF behind it, for demos and tests.
//
// When it listens it prints one line, "simulator listening on http://ADDRESS", on its standard output; logs go to standard error. GET
// /sim/books tells what it received.
package main

import (
	"os"
	_ "time/tzdata" // Europe/Warsaw in an image without zone files
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
