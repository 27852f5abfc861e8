// Package intake reads invoices from files and takes them in. It reads the paths that a person or a
// program named (each is a file, a folder, a ZIP archive or standard input) and hands the documents
// to the admitter, which writes them to the ledger and the queue, many at a time.
//
// [Read] yields what the paths hold, with a [Problem] for what cannot be read. [Run] admits it.
// Neither keeps more than some tens of megabytes of documents in memory, whatever the paths hold.
//
// The input was made by others and is not trusted: every document, every archive and every list of
// names has a maximum size, and nothing is ever unpacked to disk.
package intake
