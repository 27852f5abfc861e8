// Package xades signs small XML documents the way KSeF's login asks for. It makes an enveloped
// XAdES signature of level BASELINE-B, with SigningCertificate and two references.
//
// # Why there is no canonicalization here
//
// A signature covers the canonical form of the XML (exclusive C14N), and a general implementation
// of that form is long. This package needs no such implementation, because it writes every piece in
// canonical form before it hashes the piece. Each piece appears in the document byte for byte as it
// was hashed.
//
// Three rules of exclusive C14N make the pieces look as they do:
//
//   - an empty element has an end tag, attributes stand in the order of their names, and only
//     & < > and the carriage return are escaped in a text, each in one fixed way (escape.go);
//   - a namespace is declared on the outermost element of the piece that uses its prefix, and on
//     every such element when there are several side by side. So ds:DigestMethod inside
//     xades:SignedProperties declares ds again, although ds:Signature around it did;
//   - a default namespace that nothing in the piece uses is not declared. The root of the document
//     has one, and the inclusive form would drag it into every piece.
//
// # Where the rules come from
//
// The rules come from:
//   - W3C XML Signature 1.1 and Exclusive XML Canonicalization 1.0
//   - ETSI EN 319 132-1
//   - the Ministry's description of the login (auth/podpis-xades.md in the documentation of KSeF,
//     in its stricter form of March 2026)
//
// Before that date, KSeF accepted a signature whose references do not cover a SigningCertificate.
// Since then it refuses such a signature with code 9105.
package xades
