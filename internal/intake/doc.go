// Package intake brings invoices in from files: it reads the paths a person or a program named, each a file, a folder, a ZIP archive or standard input, and drives
// their admission into ledger and queue, many at a time.
//
// [Read] yields what the paths hold, with a [Problem] for what can't be read; [Run] admits it. Neither keeps more than some tens
// of megabytes of documents in memory, whatever the paths hold.
//
// What is read was made by somebody else: every document, every archive and every list of names has a bound, and nothing is ever unpacked to disk.
package intake
