package invoice

import "ksefworker/internal/invoice/schema"

// SchemaFaults returns the faults that a schema.Machine finds in a document, or an error when the
// document cannot be read to its end.
func SchemaFaults(doc []byte) ([]schema.Fault, error) {
	r := reader{scanner: scanner{source: source{data: doc, lenient: true}}, machine: new(schema.Machine)}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.machine.Faults(), nil
}
