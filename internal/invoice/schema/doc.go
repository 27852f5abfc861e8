// Package schema checks invoices in full against the Ministry's XML Schemas of FA(3) and FA(2),
// without the schema files. Package compile writes the facts of the schemas as a table of Go:
// elements, their order and number, types, patterns, enumerations, lengths and digits.
//
// A [Machine] takes the tags and texts of one document as they are read and keeps only the path of
// open elements. A machine allocates nothing for a valid document. A table never changes, so many
// machines can use it at the same time. A machine belongs to one goroutine.
//
// The table has the meaning that XML Schema 1.0 defines. The verdicts are the same as those of
// libxml2 2.9, as the differential tests check. Where XML Schema 1.0 and libxml2 differ, comments
// in number.go, moment.go and value.go say so.
//
// Reading order: table.go, machine.go, children.go, missing.go, attributes.go, value.go, number.go,
// moment.go, pattern.go, rules.go, enum.go. tables.go is generated.
package schema

//go:generate go run ./generate
