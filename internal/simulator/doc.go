// Package simulator is a strict stand-in for the gateway ksefapi.pl and for KSeF behind it.
//
// This project meets no other KSeF before production, so the simulator distrusts its clients: it
// refuses what the gateway or KSeF refuses, answers with their codes and texts, and keeps books of
// what it accepted, what it refused and which limit was exceeded. Tests are decided by those books.
// Therefore nothing here shares code with the client: invoices are read, hashed, decrypted and
// numbered by code of its own. Package fa checks documents, package limits counts requests.
//
// These are modelled faithfully: authorization, the closed sets of fields, encryption, batch
// packages, both kinds of session with their lifetimes and status codes, the checks of an invoice,
// duplicates, KSeF numbers, the UPO, request limits (sliding windows, Retry-After, growing blocks),
// metadata, queries and the black box.
//
// These are not modelled: signatures on the UPO, canonical XML (validate returns the document as it
// came), visualization and QR codes (placeholders), permissions for attachments (always granted),
// and the requests that the gateway itself spends on the black box and on long lists. Technical
// corrections exist at the Ministry's API only, because the gateway has no field for them.
//
// Where the contract does not say, the stricter reading was taken. The Content-Type of JSON bodies
// is checked. A part needs its Content-Length and every header that was given for it. An upload to
// the box that is not finished is answered at first with an error object in a 200, and later with
// one in a 400. The key of a session is decrypted when the session is opened, and the result is
// reported later.
//
// The simulator is lenient in one place, because the gateway is: the multipart boundary of a box
// package may be Base64 without quotes, as the vendor's own PHP client writes it.
//
// Faults are failures that a script orders (Fault, fault_kinds.go). They concern everybody, one
// taxpayer or one operation, or they change what is answered about one invoice. Sessions, counts
// and books are always true.
//
// Besides the gateway's operations there are GET /sim/books and /sim/healthz, and, from this
// machine only, POST /sim/faults with a script, /sim/rotate-key (with {"planned":true} the old key
// keeps working), and /sim/clock with {"advance":"72h"}.
//
// The Ministry's own API is a second face on the same books, in package ministry. It reaches the
// inside through Face.
//
// The facts come from "KSeF limits, September 2026" and the gateway's public contract.
package simulator
