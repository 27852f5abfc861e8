// Package ministry is the simulator's second face, which is the Ministry's own KSeF API 2.x under
// /v2. It uses the same sessions, invoices, limits, faults and books as the gateway's face.
//
// It is as strict as the gateway's face. A body with an unknown or missing field is refused. A
// bearer token of the wrong kind is answered with 401, and a missing permission with 403. A page
// token of another list is refused with code 21418. A key that was rotated away is refused with
// code 21470. Package login really verifies signatures and tokens.
//
// These are modelled:
//
//   - logging in, KSeF certificates, and tokens;
//   - both kinds of session, with ZIP and tar.gz;
//   - lists page by page;
//   - the UPO by session, by invoice and by pre-signed addresses that expire;
//   - the register;
//   - limits, both forms of errors, and rotation of the keys.
//
// These are not modelled: exports, granting permissions, collective identifiers, Peppol, PEF and
// FA_RR forms, most operations under /testdata, and the signature on the UPO.
//
// Now and then this face does what the contract promises not to do (Options.Novelty). An answer
// then has an unknown field, a value outside a list of values, or a public key for a usage that
// does not exist yet. Real KSeF adds such things between releases.
//
// Faults are those of package simulator, with the same names of operations. Examples:
//
//	a "paused" session                  {on: send, kind: refused, code: 21184}
//	a page of a firewall                {kind: status, code: 403}
//	a close that answers 500            {on: close, kind: 500-after}
//	a refresh that fails                {on: refresh, kind: status, code: 500}
//	redeemed tokens that are lost       {on: redeem, kind: drop-answer}
//	a new session that is not found     {on: sessionStatus, kind: refused, code: 21173}
//
// Reading order: ministry.go, operations.go, serve.go, problems.go, answers.go, keys.go, logins.go,
// sessions.go, batch.go, pages.go, lists.go, receipts.go, register.go, record.go, allowances.go,
// tokens.go, certificates.go, testdata.go.
package ministry
