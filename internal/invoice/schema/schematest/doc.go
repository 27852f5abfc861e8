// Package schematest makes test documents from a table of package schema. Some documents are made
// as the schema wants them. Each of the others has one change, and a changed document may still be
// valid. So the package also runs xmllint to find out which documents are valid. The same table
// always gives the same documents in the same order. The package imports testing, so only tests may
// import it.
//
// Reading order: node.go, author.go, documents.go, faults.go, texts.go, odd.go, events.go,
// xmllint.go, wellformed.go, record.go.
package schematest
