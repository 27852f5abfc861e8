// Package fa checks FA documents (structured invoices) for the simulator, as KSeF does after it has
// decrypted one: the file, then the schema, then the dates. [Inspect] is the main function.
//
// It shares no code with the client. A mistake that both sides made would never be found, so the
// simulator reads XML, NIPs and amounts with code of its own; internal/arrows enforces that.
//
// The schema is checked in full. Command facts writes what the XSD says to JSON; a content model
// there is a regular expression over the names of elements, and package regexp decides. xsi:type is
// refused.
//
// Nothing here keeps state: every function is safe for concurrent use.
//
// Reading order: inspect.go, form.go, document.go, characters.go, schema.go, facts.go, conform.go,
// values.go, header.go, amounts.go, nip.go.
package fa
