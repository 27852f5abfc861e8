// Package fa checks FA documents (structured invoices) for the simulator. Like KSeF, it checks the
// decrypted file first, then the schema, then the issue date and the attachment. [Inspect] is the
// main function.
//
// It shares no code with the client, which is the worker with all that it uses, because tests could
// not find a mistake in shared code. So it has its own code for XML, NIPs and amounts. A test in
// internal/arrows enforces this.
//
// The schema is checked in full. Command facts translates the XSD files to JSON. In the JSON, each
// content model is a regular expression over the names of elements. Package regexp matches it
// against a document. An element may name another type by xsi:type.
//
// Every function is stateless and safe for concurrent use.
//
// Reading order: inspect.go, form.go, document.go, strict.go, plain.go, namespaces.go,
// characters.go, schema.go, facts.go, conform.go, instance.go, values.go, header.go, amounts.go,
// nip.go.
package fa
