// Package pack makes the package that travels in one batch session: a ZIP of invoices, cut into parts, each part encrypted, all of
// it written to a spool folder in one pass with the hashes taken on the way.
//
//	entries ─► deflate ─► ZIP ─► SHA-256 of the ZIP ─► cut at PartSize ─► encrypt ─► SHA-256 of the part ─► spool file
//
// Memory does not grow with the package: one entry, one compressor, a few buffers, and about 200 bytes per entry for the ZIP's
// directory. The same entries in the same order give the same ZIP bytes, with one build of the program: another release of
// the compressor may find other matches.
//
// The spool is not durable and need not be: the session's key lives only in the process that builds, so a package whose process died is
// abandoned and built anew. SweepSpool clears what it left.
package pack
