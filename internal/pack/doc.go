// Package pack makes the package of one batch session: a ZIP or a tar.gz of invoices, cut into
// parts, each part encrypted. One pass writes it to a spool folder and computes the hashes.
//
//	entries ─► deflate ─► ZIP ─► SHA-256 of the ZIP ─► cut at PartSize   (or tar ─► gzip)
//	        ─► encrypt ─► SHA-256 of the part ─► spool file
//
// Memory does not grow with the package: one entry, one compressor, a few buffers, and about 200
// bytes per entry for the ZIP's directory. With one build of the program the same entries in the
// same order give the same ZIP bytes; another release of the compressor may find other matches.
//
// The spool is not durable and need not be: the session's key exists only in the process that
// builds, so the package of a dead process is abandoned and built again. SweepSpool removes its
// files.
package pack
