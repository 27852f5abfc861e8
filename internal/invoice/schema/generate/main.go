// Command generate writes tables.go of package schema from the Ministry's XSD files, which this
// project may not distribute. KSEF_SCHEMA_DIR names the folder with these files; make schemas
// downloads them. The command is run by go generate in the folder of package schema.
package main

import (
	"fmt"
	"io"
	"os"

	"ksefworker/internal/invoice/schema/compile"
)

func main() { os.Exit(run(os.Getenv("KSEF_SCHEMA_DIR"), "tables.go", os.Stderr)) }

func run(from, to string, stderr io.Writer) int {
	if from == "" {
		fmt.Fprintln(stderr, "generate: KSEF_SCHEMA_DIR must name the folder with the Ministry's schemas; make schemas downloads them")
		return 2
	}
	text, err := compile.Forms(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(stderr, "generate:", err)
		return 1
	}
	return 0
}
