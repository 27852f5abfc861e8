// Package direct is a typed client of the Ministry's own KSeF API, version 2. It has everything
// that a sender of invoices needs. It follows contract 2.7.0 of July 2026 and what is known about
// 2.8.1. It states facts. Package retry decides what to do about them. Every request goes through
// package httponce.
//
// # Four views of one API
//
//   - [API] holds the address and the way to the network. It makes the other three.
//   - [Auth] are the calls before there is an access token. Package login makes them.
//   - [Client] is the sender, for one taxpayer: sessions, invoices, receipts, the register.
//   - [Account] is what else a taxpayer may ask: limits, certificates, tokens, logins.
//
// Client and Account ask a [Tokens] for an access token before each request that needs one. A
// request that KSeF answers with 401 was not carried out. The request is repeated once with another
// token.
//
// # What is read, and what is not
//
// New fields and new values come without a new version (change log of API 2.1.2), so unknown ones
// are ignored. If an answer lacks a field that it needs to make sense, the call returns an error of
// [ksef.KindUnreadable]. A test compares the names of all fields with the Ministry's contract.
//
// # Secrets
//
// Tokens, pre-signed addresses and the secret of a new KSeF token are values of types that print
// "[redacted]".
package direct
