// Package bundle keeps the documents and results of many invoices in one object of the archive, and
// finds each of them again.
//
// A bundle is a ZIP beside an index. The ZIP has <id>.xml and <id>.json of some receipted invoices
// of one package, seller and month. The index has a head, which says what follows it, and one line
// for each of these invoices. So all these invoices together need two objects, and not two objects
// each. An invoice is receipted when its UPO is archived, and then nothing of it changes any more.
// So only receipted invoices are in bundles. A document or result that may still change, or may
// have to be removed, is an object of its own; see archive/layout.go.
//
// The files, in reading order:
//
//	line.go              one line of an index
//	head.go              the first line of an index
//	build.go             makes a bundle, which the caller puts into the archive
//	shelf.go             which indexes one seller and month has
//	complete.go          tells whether an index lacks lines
//	lookup.go            finds an id in an index without reading all of it
//	load.go              reads a whole index, or makes it again from its ZIP
//	read.go              reads one document
//	memory.go            what was read and is remembered
//	digest.go            which ids an index has, for many look-ups
//	beside.go            packages that a joined index does not name
//	store.go             [Store] puts these together
//	search.go            searches by anything but an id
//	results.go           reads all results, also of damaged ZIPs
//	tidy.go              decides which indexes are joined
//	merge.go             joins the indexes of a month
//
// [Store] is an archive whose Get finds documents in bundles too, so its readers need not know of
// bundles.
package bundle
