// Package ksef is the vocabulary of KSeF: codes and statuses, groups of operations, encryption, the
// facts that clients report and the errors that they return. It needs no client and no network. The
// clients are packages below it: gateway, for ksefapi.pl, and direct, for the Ministry's API. They
// share this vocabulary. Package numbers has the Ministry's numbers.
//
// Everything here states facts. Package retry decides what to do about them.
//
// # Glossary
//
// The words of the whole program, explained once.
//
//   - KSeF: Krajowy System e-Faktur, Poland's National e-Invoice System, run by the Ministry of
//     Finance.
//   - NIP: the ten-digit tax number of a Polish taxpayer. Its last digit is a check digit.
//   - FA(2), FA(3): the XML forms of an invoice. The gateway calls them v2 and v3. Production takes
//     FA(3).
//   - Podmiot1: the seller. Podmiot2: the buyer. Podmiot3: any other party.
//   - P_1: the invoice's date of issue. P_2: its number, as the seller chose it. P_15: the gross
//     total.
//   - RodzajFaktury: the kind of invoice (VAT, KOR, ZAL…).
//   - identity: (seller NIP, RodzajFaktury, P_2). Two invoices with one identity are duplicates for
//     KSeF.
//   - content hash: SHA-256 of the exact bytes of an invoice.
//   - KSeF number: the 35 characters that KSeF gives an accepted invoice. They are the NIP, the
//     date of acceptance, 12 hex digits and a CRC-8.
//   - UPO, receipt: Urzędowe Poświadczenie Odbioru, the official receipt, a signed XML document.
//   - session: KSeF's unit of reception. Online: invoices are sent and processed one by one. Batch:
//     one archive (usually a ZIP) is sent in encrypted parts, and is processed after the session is
//     closed. The UPO of a session is made after it is closed.
//   - part: a slice of the archive, encrypted on its own, sent to a pre-signed URL of the store of
//     parts. The URL is a secret, because whoever has it can upload.
//   - tenant: one taxpayer (NIP) with its own key, limits and sessions.
//   - package: a set of invoices of one tenant that travel in one session.
//   - lane: the way of an invoice: express (online session, at once) or bulk (batch session).
//   - settle: to write each invoice's outcome from its session.
//   - park: to stop with a reason and wait for a person.
//   - offline: an offline invoice is issued before it is sent (offline24). It must reach KSeF by the
//     next business day, and KSeF marks it as offline.
//   - box: the gateway's "black box" mode, in which the gateway encrypts and runs the sessions. So
//     the gateway sees the plain invoices.
//
// # Status codes
//
// Invoices and sessions carry a [StatusInfo]. Below 200: still running. 200: done. Above: an error,
// final for that session. The named codes and their meanings are in codes.go.
package ksef
