// Package pack makes the package of one batch session. The package is a ZIP or a tar.gz of
// invoices, cut into parts that are encrypted one by one. One pass writes the parts to a spool
// folder and computes the hashes.
//
//	entries ─► deflate ─► ZIP ─► SHA-256 of the ZIP ─► cut at PartSize   (or tar ─► gzip)
//	        ─► encrypt ─► SHA-256 of the part ─► spool file
//
// While a package is built, memory holds one entry, one compressor, a few buffers, and about 200
// bytes per entry for the ZIP's directory. So memory hardly grows with the package. The same
// entries in the same order give the same ZIP bytes, as long as the release of the compressor is
// the same. Another release may compress them into other bytes.
//
// The spool need not be durable. The session's key exists only in the process that builds, so the
// package of a dead process is abandoned and built again. SweepSpool removes the files of dead
// processes.
package pack
