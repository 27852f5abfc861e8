package ledger

import (
	_ "embed" // the dictionary is a file

	"github.com/klauspost/compress/s2"
)

// Documents are compressed with a dictionary, because the names of elements are a third of an
// invoice. It is six invoices of internal/sample, one of each kind, as they were in November 2026.
// It must never change, since stored documents can be opened with the same one only: a better one
// would get a layout of its own. Real invoices of 8 KB, of many programs, took 2.2 KB with it and
// 2.8 KB without; zstd without one took 2.1 KB, with it 1.6 KB, and four times the time and more.
//
//go:embed invoices.dict
var invoicesDict []byte

// documentDict is safe for concurrent use.
var documentDict = s2.MakeDict(invoicesDict, []byte("<Faktura"))
