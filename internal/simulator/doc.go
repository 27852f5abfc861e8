// Package simulator is a strict stand-in for the gateway ksefapi.pl and for KSeF behind it.
//
// This project meets no other KSeF before production, so the simulator distrusts its clients. It
// refuses what the gateway or KSeF refuses, and answers with their codes and texts. It keeps books
// of what it accepted, what it refused and which limit was exceeded, and tests are decided by those
// books. Therefore the simulator shares no code with the client, and reads, hashes, decrypts and
// numbers invoices with its own code. Package fa checks documents, and package limits counts
// requests.
//
// These are modelled faithfully:
//
//   - authorization, the closed sets of fields, and encryption;
//   - batch packages, and both kinds of session with their lifetimes and status codes;
//   - the checks of an invoice, duplicates, KSeF numbers, and the UPO;
//   - request limits (sliding windows, Retry-After, growing blocks);
//   - metadata, queries, and the black box (/box/…), where the gateway opens the sessions itself.
//
// These are not modelled:
//
//   - signatures on the UPO;
//   - canonical XML (validate returns the document as it came);
//   - visualization and QR codes (the answers are placeholders);
//   - permissions for attachments (they are always granted);
//   - the requests that the gateway itself spends on the black box and on long lists.
//
// Technical corrections exist at the Ministry's API only, because the gateway has no field for
// them.
//
// Where the public contract of the gateway is silent, the simulator follows the stricter reading.
// The Content-Type of JSON bodies is checked. A part needs its Content-Length and every header that
// was given for it. An unfinished upload to the box is answered at first with an error object in a
// 200, and later with an error object in a 400. The key of a session is decrypted when the session
// is opened, and the result is reported later.
//
// The simulator is lenient in one place, as the gateway is. The multipart boundary of a box package
// may be Base64 without quotes, because the vendor's own PHP client writes it so.
//
// Faults are failures that a script orders (Fault, fault_kinds.go). They concern everybody, one
// taxpayer or one operation, or they change what is answered about one invoice. Sessions, counts
// and books are always true.
//
// Besides the gateway's operations, there are GET /sim/books and GET /sim/healthz. POST /sim/faults
// with a script, POST /sim/clock with {"advance":"72h"}, and POST /sim/rotate-key are accepted from
// this machine only. After a rotation with {"planned":true}, the old key keeps working.
//
// The simulator has two faces, which are HTTP APIs with the same books. One is the gateway's. The
// other is the Ministry's own API, in package ministry, which reaches the inside of the simulator
// through Face.
//
// The facts come from "KSeF limits, September 2026" and the gateway's public contract.
package simulator
