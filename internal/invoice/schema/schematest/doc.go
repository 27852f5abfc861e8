// Package schematest makes documents from a table of package schema, good ones and ones with a
// single fault, and asks xmllint for its verdict on them. The same table gives the same documents
// in the same order. It links the testing package, so only tests may import it.
//
// Reading order: node.go, author.go, documents.go, faults.go, texts.go, odd.go, events.go,
// xmllint.go, record.go.
package schematest
