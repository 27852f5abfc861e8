// Package pemkey reads private keys and certificates from PEM files. It reads RSA and EC keys as
// PKCS#8, encrypted PKCS#8 (PBES2, RFC 8018), PKCS#1 and SEC1. When a file holds something else,
// the error names what the file holds and, where possible, says how to convert it. Errors contain
// nothing of a key; they may quote the type of a PEM block.
package pemkey
