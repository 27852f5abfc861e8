package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// ParseFaults reads a list of faults in JSON or YAML, with durations like "90s". An unknown field
// is an error. An empty script is an empty list. The error is that of the YAML reader, or joins the
// FieldErrors of all faults that are not valid.
func ParseFaults(script []byte) ([]Fault, error) {
	dec := yaml.NewDecoder(bytes.NewReader(script)) // JSON is valid YAML
	dec.KnownFields(true)
	var faults []Fault
	if err := dec.Decode(&faults); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	var errs []error
	for i, f := range faults {
		if err := f.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("fault %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("check fault script: %w", err)
	}
	return faults, nil
}
