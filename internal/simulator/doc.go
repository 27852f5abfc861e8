// Package simulator is the other side: a strict stand-in for the gateway ksefapi.pl and for KSeF behind it.
//
// It is the only KSeF that this project meets before production, so it distrusts its clients: it refuses what the
// gateway or KSeF refuses, answers with their codes and texts, and keeps books of what it accepted, what it refused
// and which limit was overrun. Tests are judged by those books, therefore nothing here shares code with the client:
// invoices are read, hashed, decrypted and numbered by code of its own.
//
// Modelled faithfully: authorization, the closed sets of fields, encryption, batch packages, both kinds of session with
// their lives and status codes, the checks of an invoice, duplicates, KSeF numbers, the UPO, request limits (sliding
// windows, Retry-After, growing blocks), metadata, queries and the black box.
//
// Not modelled: the full XSD (the header, the parties, the order of the children of Faktura and Fa and the mandatory
// fields stand for it), signatures on the UPO, canonical XML (validate returns the document as it came), visualization
// and QR codes (placeholders), permissions for attachments (always given), technical corrections (the gateway has no
// field for them), the requests that the gateway itself spends for the black box and for long lists.
//
// Where the contract is silent, the stricter reading was taken: Content-Type of JSON bodies is checked, a part needs its
// Content-Length and every header that was given out with it, an unfinished upload to the box answers once with an
// error object in a 200 and once in a 400, a key of a session is tried at opening and what came of it is told later.
//
// In one place it is lenient, because the gateway is: the multipart boundary of a box package may be Base64 without
// quotes, as the vendor's own PHP client writes it.
//
// Faults are additions that a script must ask for (Fault, faultkinds.go). They strike at everybody, at one taxpayer, at
// one operation, or bend what is told of one invoice; sessions, counts and books go on telling the truth.
//
// Beside the gateway's operations there are GET /sim/books and /sim/healthz, and, from this machine only, POST
// /sim/faults with a script, /sim/rotate-key, and /sim/clock with {"advance":"72h"}.
//
// Facts about the outside come from "KSeF limits, September 2026" and the gateway's public contract.
package simulator
