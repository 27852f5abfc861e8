// Package xades verifies the signature of a login request as the Ministry does. The signature must
// be an enveloped XAdES signature, and its references, digests, certificate and signature value
// must all be valid.
//
// Canonical XML and the tree come from libraries (goxmldsig, etree). This package decides what a
// signature must have. It shares no code with the client that signs.
//
// These are modelled:
//
//   - the enveloped packaging with its two references: the document and the signed properties;
//   - canonical XML 1.0, 1.1 and exclusive, with and without comments;
//   - the digests SHA-256, SHA-384, SHA-512 and SHA3;
//   - RSA (PKCS#1 v1.5 and PSS) with 2048 bits or more;
//   - ECDSA over curves of 256 bits or more, with the signature value as r and s of fixed width;
//   - SigningCertificate in both versions.
//
// The enveloping packaging and the transforms XPath filter 2 and Base64 are refused although KSeF
// accepts them, because no client of ours needs them. SHA-1 is refused, as it is in production.
package xades
