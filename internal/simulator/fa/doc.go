// Package fa checks FA documents (structured invoices) for the simulator, as KSeF does after it has
// decrypted one: the file, then the schema, then the dates. [Inspect] is the main function.
//
// It shares no code with the client. A mistake that both sides made would never be found, so the
// simulator reads XML, NIPs and amounts with code of its own; internal/arrows enforces that.
//
// The XSD is not evaluated. These rules take its place: the root and its namespace, the header, the
// parties, the order of the children of the closed elements (form.go), the required elements, and
// the form of dates, amounts and codes.
//
// Nothing here keeps state: every function is safe for concurrent use.
//
// Reading order: inspect.go, form.go, document.go, characters.go, schema.go, header.go, amounts.go,
// nip.go.
package fa
