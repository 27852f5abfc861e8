// Package xades verifies the signature of a login request as the Ministry does: an enveloped XAdES
// signature whose references, digests, certificate and signature value all have to hold.
//
// Canonical XML and the tree come from libraries (goxmldsig, etree); what is demanded of a
// signature is decided here. It shares no code with the client that signs.
//
// These are modelled: the enveloped packaging with its two references (the document and the signed
// properties), canonical XML 1.0, 1.1 and exclusive, with and without comments, digests SHA-256,
// -384, -512 and SHA3, RSA (PKCS#1 v1.5 and PSS) with 2048 bits or more, ECDSA over curves of 256
// bits or more with its value as r and s of fixed width, and SigningCertificate in both versions.
//
// These are refused although KSeF takes them, because no client of ours needs them: the enveloping
// packaging, the transforms XPath filter 2 and Base64. SHA-1 is refused as production does.
package xades
