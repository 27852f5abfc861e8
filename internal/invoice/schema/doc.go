// Package schema checks invoices in full against the Ministry's XML Schemas of FA(3) and FA(2),
// without the schema files. Package compile writes the facts of the schemas as a table of Go:
// elements, their order and number, types, patterns, enumerations, lengths and digits.
//
// A [Machine] takes the tags and texts of one document as they are read and keeps only the path of
// open elements. A machine allocates nothing for a valid document. A table never changes, so many
// machines can use it at the same time. A machine belongs to one goroutine.
//
// The meaning of the table is that of XML Schema 1.0, and the verdicts are those of libxml2 2.9,
// with which the differential tests compare them. Where XML Schema 1.0 and libxml2 differ, comments
// in number.go, moment.go and value.go say so.
//
// Reading order: table.go, machine.go, children.go, missing.go, attributes.go, value.go, number.go,
// moment.go, pattern.go, rules.go, enum.go. tables.go is generated.
package schema

//go:generate go run ./generate
