package config

import "errors"

// ArchiveLayout is how the worker archives the invoices of a package. Both layouts are always read.
type ArchiveLayout string

// The layouts.
const (
	FilesLayout    ArchiveLayout = "files"    // a document and a result for each invoice
	PackagesLayout ArchiveLayout = "packages" // ZIPs with indexes, for larger packages
)

func (l ArchiveLayout) check(f *faults) {
	if l != FilesLayout && l != PackagesLayout {
		f.add("archive.layout", string(l), errors.New("must be files or packages"))
	}
}
