// Package xsd validates invoices against the Ministry's XML Schemas with a general library for XML
// Schema. It reads the schemas from a folder, because this project has no right to distribute them.
//
// It is a second opinion on package schema, for tests and benchmarks. No program links it, because
// the library adds some 13 MB to a binary and takes fifty times as long as package schema.
package xsd
