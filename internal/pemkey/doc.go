// Package pemkey reads private keys and certificates from PEM: keys as PKCS#8, also encrypted
// (PBES2, RFC 8018), PKCS#1 and SEC1, RSA and EC. Its errors say what the file is instead and how
// to convert it, and never quote it.
package pemkey
