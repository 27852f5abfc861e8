// Command facts writes schema_v3.json and schema_v2.json, from which the simulator checks documents
// in full. It reads the Ministry's XSD files from the folder that KSEF_SCHEMA_DIR names. It shares
// no code with internal/invoice/schema/generate, which does the same for the client, because tests
// could not find a mistake in shared code.
package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Getenv("KSEF_SCHEMA_DIR"), "."); err != nil {
		fmt.Fprintln(os.Stderr, "facts:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	if from == "" {
		return fmt.Errorf("KSEF_SCHEMA_DIR must name the folder with the Ministry's schemas")
	}
	for version, file := range map[string]string{"v3": "schemat_FA(3)_v1-0E.xsd", "v2": "schemat_FA(2)_v1-0E.xsd"} {
		text, err := describe(from, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(to, "schema_"+version+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tag is an element of a schema file.
type tag struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []tag      `xml:",any"`
}

func (t *tag) attr(name string) string {
	for _, a := range t.Attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
