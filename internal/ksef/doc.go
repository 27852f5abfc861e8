// Package ksef is a complete, typed client of the KSeF API REST gateway at ksefapi.pl. It knows how a request is made and what its answer says,
// and nothing else: it states facts, never verdicts. What to do about a fact is decided in package retry; when a request may leave is decided by
// the [Gate] that the caller hands in.
//
// # One door
//
// Every request, uploads of parts included, passes one function (door.go): gate, time allowed, credentials, size cap, mapping of errors. No
// request is ever sent twice by this package or by the transport below it, and no redirect is followed. Close of a session is a GET, so the
// standard library's rule "a GET may be replayed on a broken connection" would have been wrong here.
//
// # Glossary
//
// The words of the whole program, explained once.
//
//   - KSeF: Krajowy System e-Faktur, Poland's National e-Invoice System, run by the Ministry of Finance.
//   - NIP: the ten-digit tax number of a Polish taxpayer. Its last digit is a check digit.
//   - FA(2), FA(3): the XML forms of an invoice; the gateway calls them v2 and v3. Production takes FA(3).
//   - Podmiot1: the seller. Podmiot2: the buyer. Podmiot3: any other party.
//   - P_1: the invoice's date of issue. P_2: its number, as the seller chose it. P_15: the gross total.
//   - RodzajFaktury: the kind of invoice (VAT, KOR, ZAL…).
//   - identity: (seller NIP, RodzajFaktury, P_2). Two invoices with one identity are duplicates for KSeF.
//   - content hash: SHA-256 of the exact bytes of an invoice.
//   - KSeF number: the 35 characters that KSeF gives an accepted invoice: NIP, date of acceptance, 12 hex digits, CRC-8.
//   - UPO: Urzędowe Poświadczenie Odbioru, the official receipt, a signed XML document.
//   - receipt: the UPO, once it is in the archive.
//   - session: KSeF's unit of reception. Online: invoices are sent one by one. Batch: one ZIP in encrypted parts. Invoices are processed, and the
//     UPO is made, after it was closed.
//   - part: a slice of the ZIP, encrypted on its own, sent to a pre-signed URL. That URL is a secret: whoever has it can upload.
//   - tenant: one taxpayer (NIP) with its own key, limits and sessions.
//   - package: a set of invoices of one tenant that travel in one session.
//   - lane: the way of an invoice: express (online session, at once) or bulk (batch session).
//   - settle: to write each invoice's outcome from what its session says.
//   - park: to stop with a reason and wait for a person.
//   - offline: issued before it is sent (offline24); KSeF marks it so, and the deadline is the next business day.
//   - box: the gateway's "black box" mode, in which the gateway itself encrypts and runs the sessions, and so sees the plain invoice.
//
// # Environments
//
// [TestURL] leads to KSeF's test environment: free, every operation open, invoices without legal effect. [ProductionURL] leads to KSeF itself and
// needs a paid package. A key belongs to one account of one taxpayer, so a program that serves several taxpayers holds a [Client] for each.
//
// # Status codes
//
// Invoices and sessions carry a [StatusInfo]. Below 200: still running. 200: done. Above: an error, final for that session. The named codes and
// their meanings are in codes.go. The codes of the gateway's own errors ([APIError].Code) are not published: HTTP status decides first, code and
// description are kept to be shown.
package ksef
